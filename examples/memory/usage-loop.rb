# The loop: called each time that the memory in use goes up or down through 4 MiB.
#
#     virtualing examples/memory/usage-loop.rb COMMAND [ARG...]
Virtual.new({
  :resource => { :mem => 512 * 1024 * 1024 },
  :jail => { :cmnd => ARGV },
}).run_with_mem_eventfd_loop(:usage, 4 * 1024 * 1024) do |ret|
  puts "Usage #{ret.direction} through 4 MiB > #{ret}"
end
