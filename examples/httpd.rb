# A real Apache inside its walls: sudo virtualing examples/httpd.rb [VIP DEVICE]
#
# The program, its libraries and modules come from the host, read-only; its configuration and its pages are bound from
# this folder. Without arguments it listens on 127.0.0.1:8081; with a vip and a device, on that address and port 80.
vip, device = ARGV
here = File.expand_path(File.dirname(__FILE__))

Virtual.new({
  :resource => {
    :group => "httpd",
    :cpu_quota => 30000,              # 30 % of one CPU
    :io => { "/" => { :read => "10M", :write => "10M" } },
    :mem => 512 * 1024 * 1024,
    :pids => 100,
  },
  :jail => {
    :root => "/var/lib/virtualing/httpd",
    :ro_bind => ["#{here}/apache:/etc/apache2", "#{here}/apache/htdocs:/srv/www"],
    :tmpfs => ["/run", "/var/log"],
    :env => { "LISTEN" => vip ? "#{vip}:80" : "127.0.0.1:8081" },
    :cmnd => ["/usr/sbin/apache2", "-X", "-f", "/etc/apache2/httpd.conf"],
  },
  # Without an address this section is left out.
  :ip => vip ? { :vip => vip, :dev => device } : nil,
}).run
