-- Returns the versions that led to one, newest first. ARGV: its id, how many at most.
local path, cursor = {}, ARGV[1]
while #path < tonumber(ARGV[2]) do
  local row = redis.call('HGET', rows, '\0' .. cursor)
  if not row then break end
  cursor = split(row).parent
  if cursor == '' then break end
  path[#path + 1] = cursor
end
return path
