-- KEYS: values, expiries. ARGV: key
return live(ARGV[1]) or false
