-- Reads several checkpoints whole. ARGV: members.
local found = {}
for _, member in ipairs(ARGV) do found[#found + 1] = entry(member) end
return found
