# What a script needs to react to its virtuals. Evaluated when it is asked for first, for most scripts never ask.
class Virtual
  # What has happened. As text or as a number it is how often, since the block was called last.
  class Event
    attr_reader :type, :time, :usage, :limit, :peak, :direction, :status, :signal, :processes, :virtual, :count

    def initialize(fields, virtual)
      @virtual = virtual
      @type = fields["type"].to_sym
      @direction = fields["direction"] && fields["direction"].to_sym
      @count = fields["count"]
      @time, @usage, @limit, @peak = fields["time"], fields["usage"], fields["limit"], fields["peak"]
      @status, @signal, @processes = fields["status"], fields["signal"], fields["processes"]
    end

    def to_i; @count; end
    def to_int; @count; end
    def to_s; @count.to_s; end
    def coerce(other); [other, @count]; end
    def ==(other); other.is_a?(Event) ? equal?(other) : @count == other; end
    def inspect; "#<Virtual::Event #{@type} #{@count} of #{@virtual.name}>"; end
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

    def limit=(value)
      Virtual.__ask("set", @virtual.name, "resource", { @key => value.nil? ? :max : value })
    end

    def method_missing(name, *arguments)
      figure = @figures[name]
      return super unless figure && arguments.empty?
      @virtual.__show["usage"][figure]
    end

    def respond_to_missing?(name, all = false); @figures.key?(name) || super; end
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
    Resource.new(self, "memory", { :usage => "memory", :peak => "memory_peak", :swap => "swap", :kills => "oom_kills" })
  end

  def cpu; Resource.new(self, "cpu", { :usage => "cpu_us", :throttled => "cpu_throttled_us" }); end
  def io; Resource.new(self, "io", { :read => "io_read", :written => "io_write" }); end
  def pids; Resource.new(self, "pids", { :usage => "pids" }); end

  def stop(timeout = 10); Virtual.__ask("stop", name, "timeout_ms", (timeout * 1000).to_i); end
  def kill; signal(9); end

  def signal(number)
    Virtual.__ask("kill", name, "signal", number)
  end
end
