# Automatic expansion, as the original's example has it: each time that the cage is full its limit rises by 32 MiB.
#
#     virtualing examples/memory/expand.rb COMMAND [ARG...]
group = "expand"

Virtualing.new({
  :resource => { :group => group, :mem => 64 * 1024 * 1024 },
  :jail => { :cmnd => ARGV },
}).run_with_mem_eventfd_loop do |ret|
  c = Virtualing::MEMORY.new group
  c.limit_in_bytes = c.limit_in_bytes.to_i + 32 * 1024 * 1024
  c.modify
  puts "#{group}: #{c.limit_in_bytes} bytes"
end
