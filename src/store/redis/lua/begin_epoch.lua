-- Issues an epoch. KEYS: epoch. ARGV: the greatest epoch the caller knows of
local stored = tonumber(redis.call('GET', KEYS[1]) or '0')
local next = string.format('%.0f', math.max(stored, tonumber(ARGV[1])) + 1)
redis.call('SET', KEYS[1], next)
return next
