-- Takes a lease that nobody holds or, with '1', from whoever holds it. ARGV: holder, milliseconds, '1' to replace.
-- Returns 0 where someone holds it, 1 where nobody did, 2 where it was taken from someone.
if held and held ~= holder and ARGV[3] ~= '1' then return 0 end
redis.call('SET', lease, holder, 'PX', ms)
return held and held ~= holder and 2 or 1
