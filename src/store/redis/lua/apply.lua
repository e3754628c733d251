-- Applies what was decided about one repository, if the repository is still what the decision was made on.
-- KEYS: repositories, facts of the repository, log, meta
-- ARGV: repository, expected version ('' for none), new version, state, epoch ('' for none), entries of the log to keep,
--       what the log tells, number of removed facts, the removed facts ..., each changed fact and its record ...
local fence = tonumber(redis.call('HGET', KEYS[4], 'fence') or '0')
local epoch = tonumber(ARGV[5]) or fence
if epoch < fence then
  return 'stale ' .. string.format('%.0f', fence)
end
local stored = redis.call('HGET', KEYS[1], ARGV[1])
local version = stored and string.sub(stored, 1, 16) or ''
if version ~= ARGV[2] then
  return 'conflict'
end
-- Whatever can be refused is refused before the first change: a script that fails later is not undone.
redis.call('HLEN', KEYS[2])
redis.call('XLEN', KEYS[3])

-- The stack of Lua holds some thousand arguments.
local function in_parts(command, first, last)
  for from = first, last, 1000 do
    redis.call(command, KEYS[2], unpack(ARGV, from, math.min(from + 999, last)))
  end
end

-- Removals come first: they are allowed when the memory is full, and what follows them is too.
local removed = tonumber(ARGV[8])
in_parts('HDEL', 9, 8 + removed)
local sequence = redis.call('HINCRBY', KEYS[4], 'sequence', 1)
redis.call('HSET', KEYS[4], 'tip', ARGV[3], 'fence', string.format('%.0f', epoch))
in_parts('HSET', 9 + removed, #ARGV)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. ARGV[4])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], string.format('%.0f-0', sequence),
  'r', ARGV[1], 'v', ARGV[3], 'f', ARGV[7])
return 'applied'
