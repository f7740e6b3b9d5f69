-- Removes some versions of a thread, all or none. ARGV: the note expected, '1' to spare what is named or asked a person
-- something, tag of the interrupt channel, count and names of the runs that made them, members.
-- Returns the note where something was put in the meantime, {members} that are to be spared, or how many are left.
local note, sparing = redis.call('HGET', info, 'removing') or '', ARGV[2] == '1'
if note ~= ARGV[1] then return note end
local first, gone, named = 5 + tonumber(ARGV[4]), {}, {}
local fields = redis.call('HGETALL', info)
for at = 1, #fields, 2 do
  local member = fields[at + 1]
  if string.sub(fields[at], 1, 5) == 'name:' then
    named[member] = named[member] or {}
    table.insert(named[member], fields[at])
  end
end

local function asked(member)
  for _, value in ipairs(written(member)) do
    if value and string.sub(value, 1, TAG) == ARGV[3] then return true end
  end
end

local spared = {}
for at = first, #ARGV do
  gone[ARGV[at]] = true
  local is_root = string.byte(ARGV[at]) == 0
  if sparing and is_root and (named[ARGV[at]] or asked(ARGV[at])) then spared[#spared + 1] = ARGV[at] end
end
if #spared > 0 then return spared end

for at = first, #ARGV do
  local member = ARGV[at]
  local names = redis.call('HGET', writes, member)
  if names then batched('HDEL', writes, cut(names, DIGEST)) end
  redis.call('HDEL', writes, member)
  redis.call('HDEL', rows, member)
  redis.call('ZREM', ids, member)
  for _, name in ipairs(named[member] or {}) do redis.call('HDEL', info, name) end
end
for at = 5, first - 1 do
  local left = {}
  for member in string.gmatch(redis.call('HGET', runs, ARGV[at]) or '', '[^\n]+') do
    if not gone[member] then left[#left + 1] = member end
  end
  if #left == 0 then redis.call('HDEL', runs, ARGV[at]) else redis.call('HSET', runs, ARGV[at], table.concat(left, '\n')) end
end
local left = redis.call('ZCARD', ids)
if left == 0 then redis.call('UNLINK', unpack(KEYS)) end
return left
