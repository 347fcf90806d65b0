# Tells somebody, with any command: mail, curl, logger. The program is held until the block has ended, so that it should
# not take long; then the kernel kills.
#
#     virtualing examples/memory/notify.rb NOTIFY COMMAND [ARG...]        NOTIFY is called with one argument, the text
notify = ARGV.shift

v = Virtual.new({
  :resource => { :memory => "64M" },
  :jail => { :cmnd => ARGV },
})
v.on(:usage, "80%") { |event| system notify, "#{v.name} uses #{event.usage} of #{event.limit} bytes" if event.direction == :up }
v.on(:oom) { |event| system notify, "#{v.name} is full: #{event.usage} bytes" }
v.on(:killed) { |event| system notify, "#{v.name}: the kernel has killed #{event.processes}: #{event.victims.join(", ")}" }
v.run
