local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function live(key)
  local till = redis.call('ZSCORE', KEYS[2], key)
  return till and tonumber(till) > now and redis.call('HGET', KEYS[1], key)
end

local function put(key, value, ttl)
  redis.call('HSET', KEYS[1], key, value)
  redis.call('ZADD', KEYS[2], string.format('%.0f', now + tonumber(ttl)), key)
end

local function remove(keys)
  if #keys > 0 then
    redis.call('HDEL', KEYS[1], unpack(keys))
    redis.call('ZREM', KEYS[2], unpack(keys))
  end
end

-- Bounded, so that no call pays for all that expired.
local function clean()
  remove(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now), 'LIMIT', 0, 100))
end
