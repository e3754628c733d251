-- KEYS: values, expiries. ARGV: key, expected value, value, time to live
if live(ARGV[1]) ~= ARGV[2] then
  return 0
end
put(ARGV[1], ARGV[3], ARGV[4])
return 1
