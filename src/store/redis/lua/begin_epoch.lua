-- Issues an epoch, and puts it in force for a shard. KEYS: epoch, epochs by shard. ARGV: the greatest epoch the caller knows
-- of; the shard
local stored = tonumber(redis.call('GET', KEYS[1]) or '0')
local next = string.format('%.0f', math.max(stored, tonumber(ARGV[1])) + 1)
redis.call('SET', KEYS[1], next)
redis.call('HSET', KEYS[2], ARGV[2], next)
return next
