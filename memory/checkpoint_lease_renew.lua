-- Keeps a lease for its holder. ARGV: holder, milliseconds. Returns 0 where someone else holds it, or nobody.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
