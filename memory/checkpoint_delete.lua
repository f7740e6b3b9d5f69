-- Removes one thread whole; returns the runs that wrote to it, for the index of runs.
local names = redis.call('HKEYS', runs)
redis.call('UNLINK', unpack(KEYS))
return names
