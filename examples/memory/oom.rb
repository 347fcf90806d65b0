# The original's callback, to the letter: called once, just before the kernel would kill for memory. It makes no room, so
# the kernel kills.
#
#     virtualing examples/memory/oom.rb COMMAND [ARG...]
Virtual.new({
  :resource => { :mem => 64 * 1024 * 1024 },
  :jail => { :cmnd => ARGV },
}).run_with_mem_eventfd { |ret| puts "OOM KILLER!!! > #{ret}" }
