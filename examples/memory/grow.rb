# The same without a block: it cannot fail, knows its ceiling, keeps a reserve for the host, and gives back what is not
# needed any more.
#
#     virtualing examples/memory/grow.rb COMMAND [ARG...]
Virtual.new({
  :resource => {
    :memory => "64M",
    :grow => { :step => "32M", :ceiling => "1G", :reserve => "256M" },
    :give_back => { :floor => "64M", :after => 10 },
  },
  :jail => { :cmnd => ARGV },
}).run
