-- Removes values and items that no version needs. ARGV: the note expected, '1' where nothing follows, count and names
-- of values, names of items. Returns the note where something was put in the meantime, else 0.
local note = redis.call('HGET', info, 'removing') or ''
if note ~= ARGV[1] then return note end
local count = tonumber(ARGV[3])
for at = 4, #ARGV do redis.call('HDEL', at < 4 + count and blobs or items, ARGV[at]) end
if ARGV[2] == '1' then redis.call('HDEL', info, 'removing') end
return 0
