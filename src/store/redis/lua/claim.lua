-- KEYS: values, expiries. ARGV: key, value, time to live
clean()
local held = live(ARGV[1])
if held then
  return held
end
put(ARGV[1], ARGV[2], ARGV[3])
return false
