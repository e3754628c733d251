-- Refuses leaderships before an epoch from now on. KEYS: meta. ARGV: the epoch
local fence = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0')
if tonumber(ARGV[1]) > fence then
  redis.call('HSET', KEYS[1], 'fence', ARGV[1])
end
return 'raised'
