-- Keeps a lease for its holder, also where the server has lost it. ARGV: holder, milliseconds.
-- Returns 0 where someone else holds it.
if held and held ~= holder then return 0 end
redis.call('SET', lease, holder, 'PX', ms)
return 1
