# Shrinks when idle: what has not been used for five seconds goes back to the host, down to 32 MiB. The limit rises again
# by itself when the program wants more, before anybody is asked.
#
#     virtualing examples/memory/shrink.rb COMMAND [ARG...]
v = Virtual.new({
  :resource => {
    :memory => "256M",
    :give_back => { :floor => "32M", :after => 5 },
  },
  :jail => { :cmnd => ARGV },
})
v.on(:oom) { |event| puts "full at #{event.limit >> 20} MiB" }
v.run
