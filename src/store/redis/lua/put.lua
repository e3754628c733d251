-- KEYS: values, expiries. ARGV: key, value, time to live
clean()
put(ARGV[1], ARGV[2], ARGV[3])
return 1
