# The same as oom.rb, with the event's name: :oom is what is meant without one.
#
#     virtualing examples/memory/oom-named.rb COMMAND [ARG...]
Virtual.new({
  :resource => { :mem => 64 * 1024 * 1024 },
  :jail => { :cmnd => ARGV },
}).run_with_mem_eventfd(:oom) { |ret| puts "OOM KILLER!!! > #{ret}" }
