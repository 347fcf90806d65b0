# The original's callback on usage, to the letter: called once, when the memory in use goes up or down through 4 MiB.
#
#     virtualing examples/memory/usage.rb COMMAND [ARG...]
Virtual.new({
  :resource => { :mem => 512 * 1024 * 1024 },
  :jail => { :cmnd => ARGV },
}).run_with_mem_eventfd(:usage, 4 * 1024 * 1024) do |ret|
  puts "Usage Up or Down to threadshould !!! > #{ret}"
end
