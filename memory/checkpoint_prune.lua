-- Removes old checkpoints. ARGV: how many to keep, '1' to keep that many of each namespace, tag of the interrupt channel.
-- Without '1' that many of the root stay, and what subgraphs have done since. In any case all versions of the root stay
-- that are named or asked a person something, and what subgraphs need so that each kept one can be gone back to.
local count, each, INTERRUPT = tonumber(ARGV[1]), ARGV[2] == '1', ARGV[3]
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

-- Keeps how far the subgraph had come when a root asked: its newest member before the root's next version.
local function keep_asked(members, asked)
  local at = 1
  for _, span in ipairs(asked) do
    while members[at] and id(members[at]) >= span.till do at = at + 1 end
    if members[at] and id(members[at]) > span.from then keep[members[at]] = true end
  end
end

local function names_given()
  local named, fields = {}, redis.call('HGETALL', info)
  for at = 1, #fields, 2 do
    if string.sub(fields[at], 1, 5) == 'name:' then named[fields[at + 1]] = true end
  end
  return named
end

local root, named, roots, asked = spaces[''] or {}, names_given(), {}, {}
keep_newest(root)
for at, member in ipairs(root) do
  if interrupted(member) then
    asked[#asked + 1] = {from = id(member), till = at > 1 and id(root[at - 1]) or '\255'}
    keep[member] = true
  end
  if named[member] then keep[member] = true end
  if keep[member] then roots[#roots + 1] = id(member) end
end
local oldest = root[1] and id(root[math.min(count, #root)]) or ''
for _, ns in ipairs(order) do
  if ns ~= '' then
    if each then keep_newest(spaces[ns]) end
    for _, member in ipairs(spaces[ns]) do
      if not each and id(member) >= oldest then keep[member] = true end
    end
    keep_asked(spaces[ns], asked)
    -- A colon marks a namespace that belongs to one task of one run: nothing goes back into it.
    if not string.find(ns, ':', 1, true) then keep_before(spaces[ns], roots) end
  end
end
keep_needed(keep)
return remove_all_but(keep)
