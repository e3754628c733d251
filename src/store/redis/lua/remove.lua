-- KEYS: values, expiries. ARGV: key
local held = live(ARGV[1])
remove({ARGV[1]})
return held and 1 or 0
