# What a script needs to react to its virtuals. Evaluated when it is asked for first, for most scripts never ask.
class Virtual
  # Whom the kernel has killed. What it does not tell is nil.
  class Victim
    attr_reader :pid, :name, :anonymous, :file, :shmem

    def initialize(fields)
      @pid, @name = fields["pid"], fields["name"]
      @anonymous, @file, @shmem = fields["anonymous"], fields["file"], fields["shmem"]
    end

    def to_s; "#{@name} (pid #{@pid})"; end
    def inspect; "#<Virtual::Victim #{self}>"; end
  end

  # What has happened. As text or in a calculation it is how often, since the block was called last.
  class Event
    attr_reader :type, :time, :usage, :limit, :peak, :direction, :status, :signal, :processes, :virtual, :count
    attr_reader :victims, :cause, :group, :group_limit, :anonymous, :file, :shmem, :kernel

    include Comparable
    CALCULATIONS = [:+, :-, :*, :/, :%, :**]
    CALCULATIONS.each { |operator| define_method(operator) { |other| @count.__send__(operator, other) } }

    def initialize(fields, virtual)
      @virtual = virtual
      @type = fields["type"].to_sym
      @direction = fields["direction"] && fields["direction"].to_sym
      @count = fields["count"]
      @time, @usage, @limit, @peak = fields["time"], fields["usage"], fields["limit"], fields["peak"]
      @status, @signal, @processes = fields["status"], fields["signal"], fields["processes"]
      @victims = (fields["victims"] || []).map { |v| Victim.new(v) }
      @cause = fields["cause"] && fields["cause"].to_sym
      @group, @group_limit = fields["group"], fields["group_limit"]
      @anonymous, @file, @shmem, @kernel = fields["anonymous"], fields["file"], fields["shmem"], fields["kernel"]
    end

    def to_i; @count; end
    def to_int; @count; end
    def to_s; @count.to_s; end
    def <=>(other); @count <=> other; end
    def ==(other); other.is_a?(Event) ? equal?(other) : @count == other; end
    def inspect; "#<Virtual::Event #{@type} #{@count} of #{@virtual.name}>"; end
  end

  # mruby's numbers do not ask by coerce who stands to their right: they are told what an event is there.
  [Integer, Float].each do |number|
    (Event::CALCULATIONS + [:<, :<=, :>, :>=, :<=>, :==]).each do |operator|
      plain = "__#{operator}".to_sym
      number.__send__(:alias_method, plain, operator)
      number.__send__(:define_method, operator) { |other| __send__(plain, Event === other ? other.count : other) }
    end
  end

  # The limit and the figures of one resource.
  class Resource
    def initialize(virtual, key, figures)
      @virtual, @key, @figures = virtual, key, figures
    end

    def limit
      value = @virtual.__show["description"]["resource"][@key]
      value == "max" ? nil : value
    end

    def limit=(value); set(value, false); end

    # Even if the kernel would kill for it, or the host would keep less than the reserve of :grow.
    def force_limit(value); set(value, true); end

    def set(value, force)
      raise ArgumentError, "a limit is a size, or :max for none" if value.nil?
      Virtual.__ask("set", @virtual.name, { "resource" => { @key => value }, "force" => force })
      value
    end

    def method_missing(name, *arguments)
      figure = @figures[name]
      return super unless figure && arguments.empty?
      @virtual.__show["usage"][figure]
    end

    def respond_to_missing?(name, all = false); @figures.key?(name); end
    def to_s; "#{@key} of #{@virtual.name}"; end
    def inspect; "#<Virtual::Resource #{self}>"; end
  end

  BLOCKS = {}

  def on(type, value = nil, &block)
    raise ArgumentError, "on(:#{type}) needs a block" unless block
    __watch(type, value, false, block)
    self
  end

  def run_with_mem_eventfd(type = :oom, value = nil, &block)
    raise ArgumentError, "run_with_mem_eventfd needs a block" unless block
    __watch(type, value, true, block)
    run
  end

  def run_with_mem_eventfd_loop(type = :oom, value = nil, &block)
    raise ArgumentError, "run_with_mem_eventfd_loop needs a block" unless block
    __watch(type, value, false, block)
    run
  end

  def __watch(type, value, once, block)
    id = BLOCKS.size + 1
    BLOCKS[id] = [self, block]
    __expect(id, type, value, once)
  end

  def self.__event(id, fields)
    virtual, block = BLOCKS[id]
    block.call(Event.new(fields, virtual))
  end

  def __show; Virtual.__ask("show", name)["virtual"]; end

  def memory
    Resource.new(self, "memory", { :usage => "memory", :peak => "memory_peak", :swap => "swap", :kills => "oom_kills",
      :anonymous => "memory_anonymous", :file => "memory_file", :shmem => "memory_shmem", :kernel => "memory_kernel" })
  end

  def cpu; Resource.new(self, "cpu", { :usage => "cpu_us", :throttled => "cpu_throttled_us" }); end
  def io; Resource.new(self, "io", { :read => "io_read", :written => "io_write" }); end
  def pids; Resource.new(self, "pids", { :usage => "pids" }); end

  def stop(timeout = nil)
    Virtual.__ask("stop", name, timeout ? { "timeout_ms" => (timeout * 1000).to_i } : {})["status"]
  end

  def pause; __tell("pause"); end
  def resume; __tell("resume"); end
  def kill; signal(:KILL); end
  def signal(which); __tell("kill", { "signal" => which }); end

  def __tell(operation, more = {})
    Virtual.__ask(operation, name, more)
    self
  end
end

# Control groups by name, as the programs that were written for the original have them: fields are set, then create or
# modify writes them. What is the group of a running virtual is changed through its supervisor, which checks, notes and
# lets a held program go on; any other group is written directly.
module Cgroup
  class Group
    def self.controller(name = nil); name ? @controller = name : @controller || superclass.controller; end

    # key: of a virtual's description; v1, v2: the kernel's files. Values are v1's; words: what they are in a
    # description (:key) and in the file of v2 (:v2), and how that is read (:from_v2), where it is not the same.
    def self.field(name, key, v1, v2, words = {})
      fields[name] = [key, v1, v2, words]
      define_method("#{name}=") { |value| @changes[name] = value }
      define_method(name) { @changes.fetch(name) { read(name) } }
    end

    def self.fields; @fields ||= superclass.respond_to?(:fields) ? superclass.fields.dup : {}; end

    attr_reader :group

    def initialize(group)
      @group, @changes = group, {}
    end

    def create
      Virtual.__mkdir(path)
      write
    end
    alias open create

    def modify
      resource = through_virtual
      return write unless resource && virtual?
      Virtual.__ask("set", @group, { "resource" => resource })
      @changes.clear
      self
    end

    def attach(pid = Process.pid)
      put(v2? ? "cgroup.procs" : "tasks", pid)
      self
    end

    def delete
      Virtual.__rmdir(path)
      self
    end

    def exist?; File.exist?(path); end

    def path
      tree = v2? ? Cgroup.v2 : Cgroup.v1(self.class.controller)
      raise "this host has no control group controller #{self.class.controller}" unless tree
      own = "#{tree}/virtualing/#{@group}"
      File.exist?(own) ? own : "#{tree}/#{@group}"
    end

    private

    # Whether it is a running virtual's. That of another supervisor is not changed behind that one's back.
    def virtual?
      return true if Virtual.__running?(@group)
      return false unless File.exist?("/run/virtualing/#{@group}/state.json")
      raise "#{@group} is the virtual of another supervisor: change it by `virtualing set #{@group} KEY=VALUE`"
    end

    def v2?; !Cgroup.v1(self.class.controller); end

    def file(name)
      found = self.class.fields[name][v2? ? 2 : 1]
      found or raise "#{name} does not exist on cgroup v#{v2? ? 2 : 1}"
    end

    def in_words(name, which, value)
      words = v2? || which == :key ? self.class.fields[name][3][which] : nil
      words ? words.call(value) : value
    end

    def read(name)
      in_words(name, :from_v2, File.open("#{path}/#{file(name)}") { |f| f.read.strip })
    end

    def put(file, value)
      File.open("#{path}/#{file}", "w") { |f| f.syswrite(value.to_s) }
    end

    def write
      @changes.each { |name, value| put(file(name), in_words(name, :v2, value)) }
      @changes.clear
      self
    end

    def through_virtual
      resource = {}
      @changes.each do |name, value|
        key = self.class.fields[name][0]
        return nil unless key
        resource[key] = in_words(name, :key, value)
      end
      resource
    end
  end

  MAX_FOR_NONE = lambda { |number| number.to_i < 0 ? "max" : number }

  class CPU < Group
    controller "cpu"
    WEIGHT = lambda { |shares| [[shares.to_i * 100 / 1024, 1].max, 10000].min }
    field(:cfs_quota_us, "cpu", "cpu.cfs_quota_us", "cpu.max",
      { :key => lambda { |us| us.to_i < 0 ? "max" : "#{us.to_i / 1000.0}%" },
        :v2 => MAX_FOR_NONE,
        :from_v2 => lambda { |text| text[0, 3] == "max" ? "-1" : text.split(" ")[0] } })
    field(:shares, "cpu_weight", "cpu.shares", "cpu.weight",
      { :key => WEIGHT, :v2 => WEIGHT, :from_v2 => lambda { |text| (text.to_i * 1024 / 100).to_s } })
  end

  class CPUSET < Group
    controller "cpuset"
    field(:cpus, nil, "cpuset.cpus", "cpuset.cpus")
    field(:mems, nil, "cpuset.mems", "cpuset.mems")
  end

  class BLKIO < Group
    controller "blkio"
    field(:throttle_read_bps_device, nil, "blkio.throttle.read_bps_device", nil)
    field(:throttle_write_bps_device, nil, "blkio.throttle.write_bps_device", nil)
  end

  class MEMORY < Group
    controller "memory"
    NO_LIMIT = "9223372036854771712" # as v1 has it
    field(:limit_in_bytes, "memory", "memory.limit_in_bytes", "memory.max",
      { :key => MAX_FOR_NONE, :v2 => MAX_FOR_NONE, :from_v2 => lambda { |text| text == "max" ? NO_LIMIT : text } })
    field(:usage_in_bytes, nil, "memory.usage_in_bytes", "memory.current")
  end

  # Where a v1 controller is mounted, or nil; where the v2 tree is.
  def self.v1(controller)
    line = mounts.find { |m| m[2] == "cgroup" && m[3].split(",").include?(controller) }
    line && line[1]
  end

  def self.v2
    line = mounts.find { |m| m[2] == "cgroup2" }
    line && line[1]
  end

  def self.mounts; @mounts ||= File.open("/proc/mounts") { |f| f.read.split("\n").map { |l| l.split(" ") } }; end
end

class Virtual
  MEMORY = Cgroup::MEMORY
  CPU = Cgroup::CPU
  CPUSET = Cgroup::CPUSET
  BLKIO = Cgroup::BLKIO

  def self.__running?(name)
    __ask("show", name)
    true
  rescue RuntimeError
    false
  end
end

# A counter of the kernel that wakes who reads it (eventfd(2)).
class Eventfd
  attr_reader :fd

  def initialize(value = 0, flags = 0); @fd = Virtual.__eventfd(value, flags); end
  def event_read; Virtual.__eventfd_read(@fd); end
  def event_write(value = 1); Virtual.__eventfd_write(@fd, value); end
  alias read event_read
  alias write event_write
  def close; Virtual.__close(@fd); end
end
