-- Gives a lease up, if it is still its holder's. ARGV: holder.
if held ~= holder then return 0 end
return redis.call('DEL', lease)
