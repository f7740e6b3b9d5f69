-- Tells of versions what decides whether they stay. ARGV: tag of the interrupt channel, members.
-- Returns for each nothing where it is not there, else its parent, tags of delta channels, names of its values, and
-- whether it asked a person something.
local function asked(member)
  for _, value in ipairs(written(member)) do
    if value and string.sub(value, 1, TAG) == ARGV[1] then return 1 end
  end
  return 0
end
local found = {}
for at = 2, #ARGV do
  local row = redis.call('HGET', rows, ARGV[at])
  local parts = row and split(row)
  found[#found + 1] = parts and {parts.parent, parts.tags, parts.names, asked(ARGV[at])} or false
end
return found
