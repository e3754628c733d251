-- KEYS: values, expiries
local keys = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. string.format('%.0f', now), '+inf')
local values = {}
for from = 1, #keys, 1000 do
  for _, value in ipairs(redis.call('HMGET', KEYS[1], unpack(keys, from, math.min(from + 999, #keys)))) do
    values[#values + 1] = value
  end
end
return {keys, values}
