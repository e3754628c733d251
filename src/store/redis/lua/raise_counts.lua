-- KEYS: counts. ARGV: each name and least count ...
for at = 1, #ARGV, 2 do
  local count = tonumber(redis.call('HGET', KEYS[1], ARGV[at]) or '-1')
  if count < tonumber(ARGV[at + 1]) then
    redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
  end
end
return 1
