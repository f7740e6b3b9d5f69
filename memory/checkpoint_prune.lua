-- Removes old checkpoints. ARGV: how many to keep, '1' for retention, tag of the interrupt channel.
-- Without retention: that many of every namespace. With it: that many of the root, all that are named or asked
-- a person something, and what subgraphs need so that each of these can be gone back to.
local count, retention, INTERRUPT = tonumber(ARGV[1]), ARGV[2] == '1', ARGV[3]
local keep, spaces, order = {}, {}, {}
for _, member in ipairs(redis.call('ZREVRANGEBYLEX', ids, '+', '-')) do
  local ns = space(member)
  if not spaces[ns] then
    spaces[ns] = {}
    order[#order + 1] = ns
  end
  table.insert(spaces[ns], member)
end

local function interrupted(member)
  for _, value in ipairs(written(member)) do
    if value and string.sub(value, 1, TAG) == INTERRUPT then return true end
  end
  return false
end

local function id(member)
  return string.sub(member, string.find(member, '\0', 1, true) + 1)
end

local function keep_newest(members)
  for at = 1, math.min(count, #members) do keep[members[at]] = true end
end

-- Keeps the newest member before each kept root: both lists run from new to old.
local function keep_before(members, roots)
  local at = 1
  for _, root in ipairs(roots) do
    while members[at] and id(members[at]) >= root do at = at + 1 end
    if members[at] then keep[members[at]] = true end
  end
end

local function retain()
  local named, roots = {}, {}
  local fields = redis.call('HGETALL', info)
  for at = 1, #fields, 2 do
    if string.sub(fields[at], 1, 5) == 'name:' then named[fields[at + 1]] = true end
  end
  local root = spaces[''] or {}
  keep_newest(root)
  local oldest = id(root[math.min(count, #root)] or '\0')
  for _, member in ipairs(root) do
    if named[member] or interrupted(member) then keep[member] = true end
    if keep[member] then roots[#roots + 1] = id(member) end
  end
  for _, ns in ipairs(order) do
    if ns ~= '' then
      for _, member in ipairs(spaces[ns]) do
        if id(member) >= oldest then keep[member] = true end
      end
      -- A colon marks a namespace that belongs to one task of one run: nothing goes back into it.
      if not string.find(ns, ':', 1, true) then keep_before(spaces[ns], roots) end
    end
  end
end

if retention then
  retain()
else
  for _, ns in ipairs(order) do keep_newest(spaces[ns]) end
end
keep_needed(keep)
return remove_all_but(keep)
