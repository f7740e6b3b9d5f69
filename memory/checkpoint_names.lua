-- Tells the names in one of the thread's hashes, page by page. ARGV: place of the hash among KEYS, cursor.
local page = redis.call('HSCAN', KEYS[tonumber(ARGV[1])], ARGV[2], 'COUNT', 500)
local names = {}
for at = 1, #page[2], 2 do names[#names + 1] = page[2][at] end
return {page[1], names}
