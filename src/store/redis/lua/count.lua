-- KEYS: counts, last batch of the writer. ARGV: number of the batch, seconds to remember it, each name and increment ...
if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[1]) then
  return 0
end
redis.call('HLEN', KEYS[1])
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
for at = 3, #ARGV, 2 do
  redis.call('HINCRBYFLOAT', KEYS[1], ARGV[at], ARGV[at + 1])
end
return 1
