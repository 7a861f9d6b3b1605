---@meta bpf
-- Annotations for the Lua language server (LuaCATS). spec/lua/meta_spec.lua checks them against
-- what the module registers, both ways.
-- luacheck: ignore 212 241

---@class bpf
---@field BPF bpf.BPF.static
---@field DEBUG_LLVM_IR integer print the optimized LLVM IR
---@field DEBUG_BPF integer print the verifier's log of each load
---@field DEBUG_PREPROCESSOR integer print the preprocessed source
---@field DEBUG_SOURCE integer print the instructions between the source lines
---@field PerfType table<string, integer> kinds of perf events
---@field PerfHWConfig table<string, integer> events of PerfType.HARDWARE
---@field PerfSWConfig table<string, integer> events of PerfType.SOFTWARE
---@field XDP_ABORTED integer what XDP functions return
---@field XDP_DROP integer
---@field XDP_PASS integer
---@field XDP_TX integer
---@field XDP_REDIRECT integer
---@field XDP_FLAGS_UPDATE_IF_NOEXIST integer fail when the device has a program
---@field XDP_FLAGS_SKB_MODE integer works with every device
---@field XDP_FLAGS_DRV_MODE integer in the driver
---@field XDP_FLAGS_HW_MODE integer in the device
---@field XDP_FLAGS_REPLACE integer
---@field BPFAttachType table<string, integer> the kernel's bpf_attach_type, without BPF_
---@field DEBUG_BPF_REGISTER_STATE integer print the verifier's log with the state of all registers
---@field DEBUG_BTF integer print libbpf's messages
---@field prompt { hide: fun(), show: fun(), abandon: fun() } the line of luabpf -i
---@field _VERSION string
local bpf = {}

---@class bpf.feature
---@field available boolean
---@field reason? string why not, and what to do

--- What this kernel offers, by name ("kprobe", "tracepoint", "ring_buffer", …). What LUABPF_WITHOUT
--- in the environment names ("cookie,uprobe_multi") counts as missing.
---@return table<string, bpf.feature>
function bpf.features() end

---@alias bpf.list.kind
---| "tracepoint"
---| "raw_tracepoint"
---| "kprobe"
---| "kfunc"
---| "lsm"
---| "iterator"
---| "software"
---| "hardware"
---| "uprobe"
---| "usdt"

---@class bpf.list.options
---@field kind? bpf.list.kind
---@field pattern? string name with wildcards * and ? (default "*"); "KIND:PATTERN" tells both
---@field path? string whose uprobes and static probes: a program or library
---@field pid? integer the same of a process
---@field fields? boolean the fields of tracepoints, too

---@class bpf.list.field
---@field name string
---@field declaration string as C has it
---@field offset integer bytes
---@field size integer bytes

---@class bpf.list.entry
---@field kind string
---@field name string what attach_* takes
---@field module? string of kfunc, lsm, iterator and raw_tracepoint: "vmlinux" or a module
---@field declaration? string the C prototype, where the kernel's types tell it
---@field fields? bpf.list.field[] of a tracepoint
---@field path? string of uprobe and usdt
---@field probe? any of usdt: what enumerate_probes gives

--- What can be probed on this machine, sorted by name. Without a kind all kinds are asked, but
--- uprobe and usdt only when a program is named, and then only these.
---@param options? bpf.list.options|string a string is the pattern
---@return bpf.list.entry[] entries
---@return table<string, string> refused the kinds that can't be listed here, with the reason
function bpf.list(options) end

---@class bpf.toolchain
---@field clang string path
---@field plugin string path
---@field folder string where the plugin and the prelude are

--- Where the compiler and its parts are; raises what is missing.
---@return bpf.toolchain
function bpf.toolchain() end

--- Why the kernel may refuse tracing to this process: missing capabilities, sysctls, lockdown.
---@return string? reason nil when nothing is known to stand in the way
function bpf.permission() end

---@class bpf.kernel_function
---@field name string
---@field module string "vmlinux", or a module's name
---@field declaration string C prototype

--- Functions that the running kernel's types describe; reads all of it, about 70 ms.
---@param kind "function"|"lsm"|"iterator"|"raw_tracepoint"
---@param expression? string POSIX extended, matches whole names
---@return bpf.kernel_function[]
function bpf.kernel_functions(kind, expression) end

---@class bpf.cache
---@field folder? string nil when the cache is off
---@field entries integer compiled programs
---@field bytes integer
---@field limit integer bytes; beyond it the programs that were not used for longest go

--- What the cache of compiled programs holds.
---@return bpf.cache
function bpf.cache() end

--- Empties the cache of compiled programs.
---@return integer count programs that were removed
function bpf.clear_cache() end

--- The decimal text of an unsigned 64-bit number, which %d shows as negative from 2^63 on.
--- math.ult compares such numbers, so it sorts them, too.
---@param number integer
---@return string
function bpf.u64(number) end

--- A value as one line of JSON (needs the module dkjson): a struct value with its fields in order,
--- a Lua table (with the keys 1 to n, or none, an array, else an object), a number, … All digits of
--- integers are written, u64 unsigned, 128 bits too; a reader that keeps numbers as doubles rounds
--- beyond 2^53. Bytes that are no UTF-8 become U+FFFD each; floats that are no number are null.
---   b.events:open_perf_buffer(function(cpu, event) print(bpf.json(event)) end)
---@param value bpf.any
---@return string
function bpf.json(value) end

--- A value as one line of CSV. Nested structs and arrays are spread out, a flexible array is one
--- column of JSON; text as in bpf.json, in quotes where it has commas, quotes, line ends, or blanks
--- around it.
---@param value bpf.any
---@return string
function bpf.csv(value) end

--- The names of the columns that bpf.csv gives for such a value: pid,addr.port,args[0],args[1]
---   print(bpf.csv_header(event)); print(bpf.csv(event))
---@param value bpf.any
---@return string
function bpf.csv_header(value) end

---@class bpf.heatmap_options
---@field kind? "log2"|"linear" "log2"
---@field width? integer columns of the terminal; the last one has all that lies beyond it
---@field file? file* io.stdout
---@field color? boolean 256 colours, not characters; true on a terminal without NO_COLOR
---@field step? integer slots in a column; 1

--- A heat map for terminals: a line for each interval, a column for each slot, and the brighter a
--- cell, the more (by the logarithm, as a share of the most in a cell so far).
---   local map = bpf.heatmap()
---   while bpf.sleep(1) == 0 do map:add(b.latency) end
---@param options? bpf.heatmap_options
---@return bpf.Heatmap
function bpf.heatmap(options) end

---@class bpf.type
---@field kind "void"|"int"|"char"|"bool"|"float"|"enum"|"pointer"|"array"|"struct"|"union"
---@field name string tag or name of the type, "" without one
---@field size integer bytes
---@field signed? boolean of int and enum
---@field enumerators? table<integer, string> of enum: names by value
---@field count? integer of array; 0: flexible
---@field element? bpf.type of array
---@field fields? bpf.type.field[] of struct and union, in the order of their declaration

---@class bpf.type.field
---@field name string "" for an anonymous struct or union
---@field type bpf.type
---@field offset integer bytes
---@field bits? integer of a bit field

--- The C type of a struct value, or of an array inside one. The table is shared: it is
--- not to be changed.
---   for _, field in ipairs(bpf.type_of(event).fields) do print(field.name, field.type.kind) end
---@param value any
---@return bpf.type? ctype nil for other values
function bpf.type_of(value) end

--- Nanoseconds on the clock of bpf_ktime_get_ns(); BPF.monotonic_time is the same.
---@return integer
function bpf.monotonic_time() end

--- The numbers of the CPUs that are online now.
---@return integer[]
function bpf.get_online_cpus() end

--- The numbers of the CPUs that this machine may ever have; per-CPU tables have a leaf for each.
---@return integer[]
function bpf.get_possible_cpus() end

--- The language that a process is written in, as far as the files tell that it has mapped.
---@param candidates string[] of "c", "java", "node", "perl", "php", "python", "ruby"
---@param pid integer
---@return string? language nil when it is none of the candidates, or there is no such process
function bpf.detect_language(candidates, pid) end

--- Sleeps. Ctrl-C and other signals end it early.
---@param seconds number may have a fraction
---@return number rest seconds that were not slept, 0 at the end
function bpf.sleep(seconds) end

--- Waits until one of several sources can be read: BPF objects whose buffers are open, anything
--- else with the method pollfd, file descriptors (0 is standard input).
---@param sources (bpf.BPF|{ pollfd: fun(self): integer }|integer)[]
---@param seconds? number at most so long; without it, as long as it takes
---@return any[] ready those of the sources, in their order; none when the time is over
function bpf.wait(sources, seconds) end

--- A regular expression as a function that tells whether a text has something that matches it.
---@param expression string POSIX extended, as "^(ls|cat)$"
---@return fun(text: string): boolean
function bpf.regex(expression) end

--- A command that is ready to begin: it has its process id, so that it can be traced from its first
--- instruction on. child:start() lets it begin.
---@param command string|string[] words; or a text, which the shell reads if its signs are in it
---@return bpf.Child
function bpf.spawn(command) end

--- A command that bpf.spawn made. Its standard streams are the script's. bpf.wait and event loops
--- find it readable when it has ended.
---@class bpf.Child
local Child = {}

--- Lets the command begin; raises when it can't be run.
---@return bpf.Child self
function Child:start() end

---@return integer pid
function Child:pid() end

--- Waits for the command's end.
---@param seconds? number at most so long; 0 only asks
---@return "exit"|"signal"|nil how nil when the time is over
---@return integer? status of exit, or the signal's number
function Child:wait(seconds) end

--- Sends a signal; nothing happens to a command that has ended.
---@param signal? integer 15 (SIGTERM)
function Child:kill(signal) end

---@return integer fd readable when the command has ended
function Child:pollfd() end

---@return "r"
function Child:events() end

---@return nil
function Child:timeout() end

--- Ends a command that still runs (SIGTERM); one that was not started never begins. Also when a
--- `<close>` variable goes; the collector does not end what runs.
function Child:close() end

--- The name of a system call of x86-64.
---@param number integer
---@return string name "[unknown: 1000]" for one that is not known
function bpf.syscall_name(number) end

---@param name string
---@return integer? number
function bpf.syscall_number(name) end

--- The name of a TCP connection's state.
---@param number integer 1 to 12
---@return string name "ESTABLISHED"
function bpf.tcp_state(number) end

--- The names of a TCP header's flags.
---@param bits integer
---@return string names "SYN|ACK"
function bpf.tcp_flags(bits) end

---@class bpf.container_filter_options
---@field cgroupmap? string path of a pinned hash; keys are u64 ids of cgroups, leaves u64
---@field mntnsmap? string the same, ids of mount namespaces; leaves are u32

--- C with the function container_should_be_filtered(), which is true for a process that is not in
--- the pinned maps. It goes before a program's text. Without maps it is false.
---@param options? bpf.container_filter_options
---@return string
function bpf.container_filter(options) end

--- Calls fn until it returns or SIGINT, SIGTERM or SIGHUP comes; without fn just waits for the
--- signal. The signal is used up: nothing is raised, and the lines after this one run.
---@param fn? fun(...): ... usually a loop around a poll
---@param ... any arguments of fn
---@return boolean interrupted
---@return any ... what fn returned, when it was not interrupted
function bpf.until_interrupted(fn, ...) end

---@class bpf.compile.options
---@field text? string C program; text or src_file has to be given
---@field src_file? string C file; looked up as given, then beside the script
---@field cflags? string[] arguments for clang, after our own
---@field headers? string|boolean folder of kernel headers that types come from, such as
--- "/lib/modules/6.1.0-56-amd64/build"; true: the running kernel's. Otherwise types come from BTF
---@field cache? boolean false: compile anew, and keep nothing (default true)
---@field portable? boolean accesses to the kernel's structures are set right by the kernel that the
--- object is loaded on (CO-RE), and a kernel that differs in what can't be set right (sizes,
--- constants) refuses it; perf outputs are perf buffers, nothing depends on this kernel's features
---@field arch? "x86-64"|"arm64" to compile for this architecture; another one means portable

--- Compiles a program without loading it. BPF{obj = …} loads the object from a file.
---@param options bpf.compile.options
---@return string object an ELF object
---@return string notes a line for each thing that ties a portable object to this kernel; or ""
function bpf.compile(options) end

---@class bpf.options
---@field text? string C program; exactly one of text, src_file and obj
---@field src_file? string C file; looked up as given, then beside the script
---@field hdr_file? string a file that has to be there; not used further, as in BCC
---@field obj? string compiled object
---@field cflags? string[] arguments for clang, after our own
---@field headers? string|boolean folder of kernel headers that types come from, such as
--- "/lib/modules/6.1.0-56-amd64/build"; true: the running kernel's. Otherwise types come from BTF
---@field debug? integer DEBUG_* flags; what they ask for goes to stderr
---@field allow_rlimit? boolean accepted for BCC's sake
---@field usdt_contexts? bpf.USDT[] what is enabled in them is attached before BPF{} returns
---@field attach_usdt_ignore_pid? boolean attach to every process, not only to the contexts' own
---@field auto_attach? boolean false: attach nothing by its name's prefix (default true)
---@field cache? boolean false: compile anew, and keep nothing (default true)
---@field mechanism? "perf" perf outputs are the kernel's perf buffers, not ring buffers
---@field device? string network card that holds the tables, for programs that it runs itself

--- What every error that the kernel, the compiler or the file system caused looks like.
---@class bpf.error
---@field op string what was tried
---@field errno integer
---@field message string
---@field hint? string what to do
---@field where? string "file:line" in the C program
---@field log? string the compiler's or verifier's whole text
---@field position string "script.lua:12: ", the caller's line

--- Functions that need no object, and the constructor: BPF{text = …}, BPF("…").
---@class bpf.BPF.static
---@field KPROBE integer program types, as BCC names them
---@overload fun(options: bpf.options|string): bpf.BPF
local static = {}

--- A compiled program in the kernel. `b.name` is its table called name; where a method has that
--- name, `b:get_table(name)` gives the table. The tables `events`, `lost`, `pollfd` and `timeout`
--- win over the methods, which then still work as b:events() and so on.
--- `for name, t in pairs(b)` goes over all tables, `#b` counts them.
---@class bpf.BPF
---@field [string] bpf.Table
local BPF = {}

--- Detaches and frees everything. Also when the object leaves a `<close>` variable, and when it is
--- collected.
function BPF:close() end

--- The same as close.
function BPF:cleanup() end

---@class bpf.table_options
---@field keytype? string a C type that the program uses, instead of the declared one: "struct pair"
---@field leaftype? string
---@field reducer? fun(a: bpf.any, b: bpf.any): bpf.any makes one of the leaves of all CPUs

--- With options the table is another one over the same map.
---@param name string
---@param options? bpf.table_options
---@return bpf.Table
function BPF:get_table(name, options) end

--- The instructions of a function, 8 bytes each: as loaded, when it was loaded, else as compiled.
---@param fn_name string
---@return string
function BPF:dump_func(fn_name) end

--- The same as text, one line for each instruction.
---@param fn_name string
---@return string
function BPF:disassemble_func(fn_name) end

---@class bpf.decode_options
---@field sizeinfo? boolean offsets and sizes of the members, too

--- The layout of a table's key and value as C text.
---@param table_name string
---@param options? bpf.decode_options
---@return string
function BPF:decode_table(table_name, options) end

---@class bpf.kprobe_options
---@field event? string kernel function
---@field event_re? string POSIX extended expression that matches whole names; instead of event
---@field event_off? integer bytes into the function
---@field fn_name string function of the program
---@field mechanism? "fentry"|"kprobe_multi"|"kprobe"|"tracefs" instead of the best that works

--- Runs fn_name when a kernel function is entered.
---@param options bpf.kprobe_options
---@return bpf.Link
function BPF:attach_kprobe(options) end

---@class bpf.kretprobe_options
---@field event? string kernel function
---@field event_re? string POSIX extended expression that matches whole names; instead of event
---@field fn_name string function of the program
---@field maxactive? integer calls that may be under way at once; 0: the kernel's choice
---@field mechanism? "fexit"|"kprobe_multi"|"kretprobe"|"tracefs" instead of the best that works

--- Runs fn_name when a kernel function returns.
---@param options bpf.kretprobe_options
---@return bpf.Link
function BPF:attach_kretprobe(options) end

---@class bpf.detach_kprobe_options
---@field event string as it was attached
---@field fn_name? string only this function; else all of the event

---@param options bpf.detach_kprobe_options
---@return integer count links that were closed
function BPF:detach_kprobe(options) end

---@param options bpf.detach_kprobe_options
---@return integer count links that were closed
function BPF:detach_kretprobe(options) end

---@class bpf.uprobe_options
---@field name string path of a program or library, or a library's short name ("c"), or a member of
--- an archive ("app.apk!/lib/x.so"); with pid as that process sees them
---@field sym? string function, also with a version ("f@V1"); exactly one of sym, sym_re and addr
---@field sym_re? string POSIX extended expression that matches whole names
---@field addr? integer virtual address in the file
---@field sym_off? integer bytes into the function; entry probes only
---@field pid? integer only this process; -1 or absent: every process
---@field fn_name string function of the program
---@field mechanism? "uprobe_multi"|"uprobe"|"uretprobe" instead of the best that works

--- Runs fn_name when a user function is entered.
---@param options bpf.uprobe_options
---@return bpf.Link
function BPF:attach_uprobe(options) end

--- Runs fn_name when a user function returns.
---@param options bpf.uprobe_options
---@return bpf.Link
function BPF:attach_uretprobe(options) end

---@class bpf.detach_uprobe_options
---@field name string
---@field sym? string
---@field sym_re? string
---@field addr? integer
---@field pid? integer
---@field sym_off? integer entry probes only

---@param options bpf.detach_uprobe_options
---@return integer count links that were closed
function BPF:detach_uprobe(options) end

---@param options bpf.detach_uprobe_options
---@return integer count links that were closed
function BPF:detach_uretprobe(options) end

---@class bpf.tracepoint_options
---@field tp? string "category:event"
---@field tp_re? string POSIX extended expression that matches the whole of it; instead of tp
---@field fn_name string function of the program

---@param options bpf.tracepoint_options
---@return bpf.Link
function BPF:attach_tracepoint(options) end

---@param options { tp: string }|string
---@return integer count links that were closed
function BPF:detach_tracepoint(options) end

--- Loads a function without attaching it. The object keeps it loaded until it closes. What is not
--- given is read off the section (SEC("xdp")) or the name (kprobe__…, kfunc__vmlinux__…).
---@param fn_name string
---@param prog_type? integer BPF.KPROBE, BPF.TRACEPOINT, …
---@param options? { attach_type: integer, device: string } such as
--- bpf.BPFAttachType.CGROUP_GETSOCKOPT; the network card that is to run the function
---@return { name: string, fd: integer } program its fd is lent
function BPF:load_func(fn_name, prog_type, options) end

--- Loads every function, as load_func does.
---@param prog_type? integer
---@param options? { attach_type: integer, device: string }
---@return { name: string, fd: integer }[] programs in the order of BPF:functions
function BPF:load_funcs(prog_type, options) end

--- Names of the functions that can be attached, in the order of the text.
---@return string[]
function BPF:functions() end

---@class bpf.raw_tracepoint_options
---@field tp string event, without category
---@field fn_name string function of the program

---@param options bpf.raw_tracepoint_options
---@return bpf.Link
function BPF:attach_raw_tracepoint(options) end

---@param options { tp: string }|string
---@return integer count links that were closed
function BPF:detach_raw_tracepoint(options) end

---@class bpf.fn_options
---@field fn_name string function of the program, with or without its prefix (lsm__, …)

--- Starts a function that KFUNC_PROBE or MODULE_KFUNC_PROBE made, or one in SEC("fentry/…"): it
--- runs when the kernel function is entered.
---@param options bpf.fn_options|string
---@return bpf.Link
function BPF:attach_kfunc(options) end

--- The same for KRETFUNC_PROBE and SEC("fexit/…"): when the kernel function returns.
---@param options bpf.fn_options|string
---@return bpf.Link
function BPF:attach_kretfunc(options) end

--- The same for KMOD_RET and SEC("fmod_ret/…"): what it returns, unless 0, is returned in place of
--- the kernel function, which does not run.
---@param options bpf.fn_options|string
---@return bpf.Link
function BPF:attach_fmod_ret(options) end

--- The same for LSM_PROBE and SEC("lsm/…"): what it returns, unless 0, forbids what was tried.
---@param options bpf.fn_options|string
---@return bpf.Link
function BPF:attach_lsm(options) end

---@param options bpf.fn_options|string
---@return integer count links that were closed
function BPF:detach_kfunc(options) end

---@param options bpf.fn_options|string
---@return integer count links that were closed
function BPF:detach_kretfunc(options) end

---@param options bpf.fn_options|string
---@return integer count links that were closed
function BPF:detach_fmod_ret(options) end

---@param options bpf.fn_options|string
---@return integer count links that were closed
function BPF:detach_lsm(options) end

---@class bpf.iter_options
---@field fn_name? string function that BPF_ITER made; bpf_iter__ may be left out
---@field map? bpf.Table|integer what iterators over the elements of a map go over
---@field pid? integer iterators over tasks: only this process
---@field tid? integer only this thread
---@field cgroup? string iterators over cgroups: where they start; a path
---@field order? "self"|"down"|"post"|"up" and how they go on; "down"
---@field raw? boolean the whole text at once instead of lines

--- What an iterator writes: for line in b:iter("bpf_iter__task") do … end. Lines come without their
--- ends. Each call is a new walk.
---@param fn_name string
---@param options? bpf.iter_options
---@return bpf.Iterator|string walk a string when raw
function BPF:iter(fn_name, options) end

--- An iterator to read more than once, with link:iter().
---@param fn_name string|bpf.iter_options
---@param options? bpf.iter_options
---@return bpf.Link
function BPF:attach_iter(fn_name, options) end

---@param options bpf.fn_options|string
---@return integer count links that were closed
function BPF:detach_iter(options) end

---@class bpf.perf_event_options
---@field ev_type integer bpf.PerfType.SOFTWARE, …
---@field ev_config? integer bpf.PerfSWConfig.CPU_CLOCK, …; not for watchpoints
---@field sample_period? integer every so many occurrences; exactly one of this and sample_freq
---@field sample_freq? integer so many times a second
---@field pid? integer only this thread, and threads and processes that it starts from now on; -1
---@field cpu? integer only this CPU; -1
---@field group_fd? integer -1
---@field cgroup? string only processes in this cgroup; a path
---@field bp_addr? integer ev_type BREAKPOINT: the address to watch
---@field bp_type? "r"|"w"|"rw"|"x"|integer which accesses; "w"
---@field bp_len? integer 1, 2, 4 or 8 bytes; 4
---@field fn_name string function of the program

--- Runs fn_name with a struct bpf_perf_event_data at samples of a perf event: on each CPU, or where
--- pid, cpu or cgroup say. Watchpoints take each access unless sample_period is given.
---@param options bpf.perf_event_options
---@return bpf.Link
function BPF:attach_perf_event(options) end

---@class bpf.perf_event_attr
---@field type integer
---@field config? integer
---@field config1? integer
---@field config2? integer
---@field sample_period? integer exactly one of this and sample_freq
---@field sample_freq? integer
---@field sample_type? integer
---@field bp_type? "r"|"w"|"rw"|"x"|integer
---@field bp_addr? integer
---@field bp_len? integer
---@field precise_ip? integer
---@field inherit? boolean
---@field pinned? boolean
---@field exclusive? boolean
---@field exclude_user? boolean
---@field exclude_kernel? boolean
---@field exclude_hv? boolean
---@field exclude_idle? boolean
---@field exclude_host? boolean
---@field exclude_guest? boolean
---@field exclude_callchain_kernel? boolean
---@field exclude_callchain_user? boolean

---@class bpf.perf_event_raw_options
---@field attr bpf.perf_event_attr by the names of the kernel's struct
---@field pid? integer -1
---@field cpu? integer -1
---@field group_fd? integer -1
---@field cgroup? string
---@field fn_name string function of the program

--- The same for any event that the kernel knows, unchecked.
---@param options bpf.perf_event_raw_options
---@return bpf.Link
function BPF:attach_perf_event_raw(options) end

---@class bpf.detach_perf_event_options
---@field ev_type integer
---@field ev_config? integer
---@field bp_addr? integer
---@field cgroup? string

---@param options bpf.detach_perf_event_options
---@return integer count links that were closed
function BPF:detach_perf_event(options) end

---@alias bpf.loaded { name: string, fd: integer, bpf: bpf.BPF } what load_func gives

---@class bpf.raw_socket_options
---@field fn? bpf.loaded|string the function, or its name; fn_name does as well
---@field fn_name? string
---@field dev? string network device; "" is every device

--- Opens a socket that gets the packets of a device which the function lets through: what it
--- returns is how many bytes. link:recv() reads them, link:fd() is the socket (so is fn.sock).
---@param options bpf.raw_socket_options
---@return bpf.Link
function BPF:attach_raw_socket(options) end

---@param options { dev: string }|string
---@return integer count links that were closed
function BPF:detach_raw_socket(options) end

---@class bpf.xdp_options
---@field dev string network device
---@field fn? bpf.loaded|string the function, or its name; fn_name does as well
---@field fn_name? string
---@field flags? integer bpf.XDP_FLAGS_*

--- Runs an XDP function on each packet that a device receives. On a device that runs another one of
--- this object, in the same mode, it takes that one's place without a packet in between. It ends
--- with the object.
---@param options bpf.xdp_options
---@return bpf.Link
function BPF:attach_xdp(options) end

--- Takes the object's XDP function off a device, or else what another program left there.
---@param options { dev: string, flags?: integer }|string
---@return integer count
function BPF:remove_xdp(options) end

---@class bpf.func_options
---@field fn? bpf.loaded|string the function, or its name; fn_name does as well
---@field fn_name? string
---@field target string|bpf.Table|integer path of a cgroup, table of sockets, or a file descriptor
---@field attach_type? integer bpf.BPFAttachType.*; else as the section says
---@field flags? integer BPF_F_ALLOW_MULTI 2 is what a cgroup has without; BPF_F_ALLOW_OVERRIDE 1 is
--- alone at its cgroup, and stays there if the script is killed

--- Attaches a function to what a file descriptor stands for: a cgroup, a table of sockets, or
--- a network namespace. It ends with the object.
---@param options bpf.func_options
---@return bpf.Link
function BPF:attach_func(options) end

---@param options bpf.func_options
---@return integer count links that were closed
function BPF:detach_func(options) end

---@return integer count kprobes and kretprobes that are open
function BPF:num_open_kprobes() end

---@return integer count uprobes and uretprobes that are open
function BPF:num_open_uprobes() end

---@return integer count tracepoints that are open, raw ones not counted
function BPF:num_open_tracepoints() end

--- Waits for events in perf buffers and calls their callbacks: for those that are there when the
--- wait is over, so that it ends however many follow. The first event after a pause is taken at
--- once; while they come fast they are taken by the batch, and none waits for more than 2 ms.
--- Without buffers it only waits.
---@param timeout_ms? integer milliseconds; -1 or absent: as long as it takes
---@return integer count events that callbacks got
function BPF:perf_buffer_poll(timeout_ms) end

--- Takes what is in the perf buffers without waiting, also what has not reached wakeup_events.
---@return integer count events that callbacks got
function BPF:perf_buffer_consume() end

--- Waits for events in ring buffers and calls their callbacks.
---@param timeout_ms? integer milliseconds; -1 or absent: as long as it takes
---@return integer count events that callbacks got
function BPF:ring_buffer_poll(timeout_ms) end

--- Takes what is in the ring buffers without waiting.
---@return integer count events that callbacks got
function BPF:ring_buffer_consume() end

--- A file descriptor for event loops, readable at most 2 ms after there is something to poll. Then
--- call perf_buffer_poll(0), ring_buffer_poll(0), or both.
---@return integer fd
function BPF:pollfd() end

--- What to wait for on pollfd.
---@return "r"
function BPF:events() end

--- When to poll at the latest: never, the fd tells all.
---@return nil
function BPF:timeout() end

--- Events lost so far in all buffers of this object, exactly.
---@return integer count
function BPF:lost() end

--- Prints what bpf_trace_printk writes, until the script is interrupted. In fmt, {0} stands for the
--- task, {1} pid, {2} cpu, {3} flags, {4} timestamp, {5} message.
---@param fmt? string|{ fmt: string } lines as they are without it
function BPF:trace_print(fmt) end

--- One line of trace_pipe, split. Returns nothing when nonblocking and nothing is there.
---@param options? { nonblocking: boolean }|boolean
---@return string? task "<...>" while the kernel does not know it: it is noted at a task switch
---@return integer? pid
---@return integer? cpu
---@return string? flags
---@return number? timestamp seconds since the machine's start
---@return string? message
function BPF:trace_fields(options) end

--- One line of trace_pipe; nil when nonblocking and nothing is there.
---@param options? { nonblocking: boolean }|boolean
---@return string?
function BPF:trace_readline(options) end

---@class bpf.ksym_options
---@field show_module? boolean adds " [module]"
---@field show_offset? boolean adds "+0x1b"

--- The kernel symbol at or below an address; "[unknown]" below the first one.
---@param addr integer
---@param options? bpf.ksym_options
---@return string
function BPF:ksym(addr, options) end

--- The address of a kernel symbol, or nil.
---@param name string
---@return integer? addr
function BPF:ksymname(name) end

---@class bpf.build_id_entry
---@field status integer 1: a place in a file; 2: an address
---@field build_id? string hexadecimal
---@field offset? integer in the file
---@field ip? integer

---@class bpf.sym_options
---@field show_module? boolean adds " [libc.so.6]"
---@field show_offset? boolean adds "+0x1b"
---@field demangle? boolean C++ and Rust names as people write them; true

--- The function around an address of a process: "[unknown]" where there is none. Symbols come from
--- the mapped files and their debug files, MiniDebugInfo, linkage stubs ("read@plt"), the vDSO and
--- a just-in-time compiler's /tmp/perf-PID.map. A pid below 0 means the kernel. An entry of a
--- build-id stack is looked for among the modules that were added, those of the process, files that
--- lie in folders by build id, and what any process has mapped.
---@param addr integer|bpf.build_id_entry
---@param pid integer
---@param options? bpf.sym_options
---@return string
function BPF:sym(addr, pid, options) end

--- The same for many addresses, as a stack has them, in one call.
---@param addresses (integer|bpf.build_id_entry)[]
---@param pid integer
---@param options? bpf.sym_options
---@return string[] names
function BPF:symbolize(addresses, pid, options) end

--- Makes a file known to build-id stacks.
---@param path string
function BPF:add_module(path) end

--- The symbols of one process, with memory of their own; -1 means the kernel's.
---@param pid integer
---@return bpf.SymbolCache
function BPF:SymbolCache(pid) end

--- The path of a library ("c") or program, or nil: in the mappings of pid, then where the dynamic
--- linker looks, then in $PATH.
---@param name string
---@param pid? integer
---@return string? path
function BPF:find_library(name, pid) end

--- The functions of a library or program whose whole name matches.
---@param name string a library ("c"), a program, or a path
---@param re string POSIX extended expression
---@return string[] names
function BPF:get_user_functions(name, re) end

--- Their addresses in the file, as attach_uprobe{addr=} takes them.
---@param name string
---@param re string
---@return integer[] addresses
function BPF:get_user_addresses(name, re) end

--- Both, as pairs {name, address}.
---@param name string
---@param re string
---@return { [1]: string, [2]: integer }[]
function BPF:get_user_functions_and_addresses(name, re) end

--- Frees all symbol tables that sym and ksym use; they are read again when they are asked for.
function BPF:free_bcc_memory() end

--- What sym keeps: processes, files, bytes of their tables, and the limit of those.
---@return { processes: integer, files: integer, bytes: integer, limit: integer }
function BPF:symbol_memory() end

--- What the running kernel puts before system call names: "__x64_sys_".
---@return string
function BPF:get_syscall_prefix() end

--- The kernel function of a system call: "__x64_sys_read".
---@param name string
---@return string
function BPF:get_syscall_fnname(name) end

--- Kernel functions that attach_kprobe{event_re=} would mean.
---@param re string POSIX extended expression that matches whole names
---@return string[]
function BPF:get_kprobe_functions(re) end

--- Tracepoints as "category:event".
---@param re string POSIX extended expression that matches the whole of it
---@return string[]
function BPF:get_tracepoints(re) end

---@param category string
---@param event string
---@return boolean
function BPF:tracepoint_exists(category, event) end

--- Whether a struct or union of the kernel or of a loaded module has a member, also inside members
--- without a name.
---@param struct string its name
---@param field string
---@return integer answer 1, 0, or -1 when there is no such struct
function BPF:kernel_struct_has_field(struct, field) end

--- Whether an enum of the kernel has an enumerator; the name "" means enums without a name.
---@param enum string its name
---@param enumerator string
---@return integer answer 1, 0, or -1 when there is no such enum
function BPF:kernel_enum_has_val(enum, enumerator) end

--- See BPF:ksym.
---@param addr integer
---@param options? bpf.ksym_options
---@return string
function static.ksym(addr, options) end

--- See BPF:ksymname.
---@param name string
---@return integer? addr
function static.ksymname(name) end

--- See BPF:sym.
---@param addr integer|bpf.build_id_entry
---@param pid integer
---@param options? bpf.sym_options
---@return string
function static.sym(addr, pid, options) end

--- See BPF:symbolize.
---@param addresses (integer|bpf.build_id_entry)[]
---@param pid integer
---@param options? bpf.sym_options
---@return string[] names
function static.symbolize(addresses, pid, options) end

--- See BPF:add_module.
---@param path string
function static.add_module(path) end

--- See BPF:SymbolCache.
---@param pid integer
---@return bpf.SymbolCache
function static.SymbolCache(pid) end

--- See BPF:find_library.
---@param name string
---@param pid? integer
---@return string? path
function static.find_library(name, pid) end

--- See BPF:get_user_functions.
---@param name string a library ("c"), a program, or a path
---@param re string POSIX extended expression
---@return string[] names
function static.get_user_functions(name, re) end

--- See BPF:get_user_addresses.
---@param name string
---@param re string
---@return integer[] addresses
function static.get_user_addresses(name, re) end

--- See BPF:get_user_functions_and_addresses.
---@param name string
---@param re string
---@return { [1]: string, [2]: integer }[]
function static.get_user_functions_and_addresses(name, re) end

--- See BPF:free_bcc_memory.
function static.free_bcc_memory() end

--- See BPF:symbol_memory.
---@return { processes: integer, files: integer, bytes: integer, limit: integer }
function static.symbol_memory() end

--- One line for a stack, outermost frame first: "comm;main;read;vfs_read". Frames come innermost
--- first; annotate marks those of the kernel with "_[k]".
---@param options { comm: string?, user: string[]?, kernel: string[]?, annotate: boolean? }
---@return string
function static.fold(options) end

--- The path of an ELF program: a path as it is, else found in $PATH; nil when it is not there.
---@param name string
---@return string?
function static.find_exe(name) end

--- See BPF:get_syscall_prefix.
---@return string
function static.get_syscall_prefix() end

--- See BPF:get_syscall_fnname.
---@param name string
---@return string
function static.get_syscall_fnname(name) end

--- BPF:attach_raw_socket of the object that fn comes from. fn can't be a name here.
---@param fn bpf.loaded
---@param dev? string
---@return bpf.Link
function static.attach_raw_socket(fn, dev) end

--- BPF:attach_xdp of the object that fn comes from.
---@param dev string
---@param fn bpf.loaded
---@param flags? integer
---@return bpf.Link
function static.attach_xdp(dev, fn, flags) end

--- Takes off a device what BPF.attach_xdp put there, or what another program left.
---@param dev string
---@param flags? integer
---@return integer count
function static.remove_xdp(dev, flags) end

--- BPF:attach_func of the object that fn comes from.
---@param fn bpf.loaded
---@param target string|bpf.Table|integer
---@param attach_type? integer
---@param flags? integer
---@return bpf.Link
function static.attach_func(fn, target, attach_type, flags) end

--- BPF:detach_func of the object that fn comes from.
---@param fn bpf.loaded
---@param target string|bpf.Table|integer
---@param attach_type? integer
---@return integer count
function static.detach_func(fn, target, attach_type) end

--- See BPF:get_kprobe_functions.
---@param re string
---@return string[]
function static.get_kprobe_functions(re) end

--- See BPF:get_tracepoints.
---@param re string
---@return string[]
function static.get_tracepoints(re) end

--- See BPF:tracepoint_exists.
---@param category string
---@param event string
---@return boolean
function static.tracepoint_exists(category, event) end

--- See BPF:kernel_struct_has_field.
---@param struct string
---@param field string
---@return integer answer
function static.kernel_struct_has_field(struct, field) end

--- See BPF:kernel_enum_has_val.
---@param enum string
---@param enumerator string
---@return integer answer
function static.kernel_enum_has_val(enum, enumerator) end

--- See bpf.monotonic_time.
---@return integer
function static.monotonic_time() end

--- The name of a helper function of BPF.
---@param number integer
---@return string|nil name "bpf_map_lookup_elem" for 1; nil for a number that is not known
function static.helper_name(number) end

--- Whether fentry and fexit programs can be attached here.
---@return boolean
function static.support_kfunc() end

--- Whether the kernel has BPF's security hooks, and they are on.
---@return boolean
function static.support_lsm() end

--- Whether programs can change a kernel function's return value.
---@return boolean
function static.support_fmod_ret() end

---@return boolean
function static.support_raw_tracepoint() end

--- Whether raw tracepoints of modules can be attached.
---@return boolean
function static.support_raw_tracepoint_in_module() end

--- #include lines for words of a program, as BCC's trace and argdist add them.
---@param words string[]
---@return string
function static.generate_auto_includes(words) end

--- An attachment. The BPF object owns it: one that is not kept stays attached.
---@class bpf.Link
local Link = {}

--- Detaches; silent when it is detached already.
function Link:detach() end

--- The same as detach, for `<close>` variables.
function Link:close() end

--- The mechanism that was chosen: of kernel functions "fentry", "fexit", "kprobe_multi", "kprobe",
--- "kretprobe" or "tracefs"; of user functions "uprobe_multi", also for a single one, "uprobe" or
--- "uretprobe"; else "tracepoint", "raw_tracepoint", …
---@return string
function Link:kind() end

--- How many places it covers; 1 unless an expression chose them.
---@return integer
function Link:count() end

--- The names of the functions or tracepoints that a link of attach_uprobe, attach_uretprobe or
--- attach_tracepoint covers. Where bpf_get_attach_cookie(ctx) gives the program n, it runs at the
--- place with index n + 1.
---@return string[]
function Link:places() end

--- A descriptor, lent: the socket of attach_raw_socket, else of the first place.
---@return integer? fd nil when detached
function Link:fd() end

--- A new walk of an iterator that attach_iter attached; see BPF:iter.
---@param options? { raw: boolean }
---@return bpf.Iterator|string walk a string when raw
function Link:iter(options) end

--- The next packet of a link that attach_raw_socket gave.
---@param timeout_ms? integer milliseconds; -1 or absent: as long as it takes
---@return string? packet nil when none came in time
function Link:recv(timeout_ms) end

--- A walk of an iterator. Calling it gives the next line; a generic for does, and closes it.
---@class bpf.Iterator
---@overload fun(): string?
local Iterator = {}

--- All that is left, as it is.
---@return string
function Iterator:read() end

--- Ends the walk.
function Iterator:close() end

---@class bpf.USDT.options
---@field pid? integer the process; without path, all files whose code it has mapped
---@field path? string the file, as the process sees it; without pid a path, the name of a library
--- ("c", "stdc++") or of a program in $PATH

--- The static probe points (USDT) of a process, or of a file and all processes that ever map it.
--- Nothing is written into a process: programs that ask whether somebody listens are told so by the
--- kernel, for as long as the BPF object is open.
---@param options bpf.USDT.options
---@return bpf.USDT
---@overload fun(pid?: integer, path?: string): bpf.USDT
function bpf.USDT(options) end

---@class bpf.USDT
local USDT = {}

---@class bpf.USDT.enable_options
---@field probe string "name" or "provider:name"
---@field fn_name string the program's function

--- Chooses a function for a probe: BPF{usdt_contexts = {u}} attaches it to all of its locations. In
--- the function bpf_usdt_readarg(n, ctx, &variable) reads argument n, counted from 1.
---@param options bpf.USDT.enable_options
---@overload fun(self: bpf.USDT, probe: string, fn_name: string)
function USDT:enable_probe(options) end

--- The same; a probe that can't be enabled is told on stderr and ends the script with status 1.
---@param options bpf.USDT.enable_options
---@overload fun(self: bpf.USDT, probe: string, fn_name: string)
function USDT:enable_probe_or_bail(options) end

---@class bpf.USDTProbeArgument
---@field text string the operand as it stands in the file
---@field size? integer bytes
---@field signed? boolean
---@field reason? string why it can't be read; then nothing of the following is there
---@field constant? integer
---@field ident? string the argument is the address of this symbol …
---@field offset? integer … plus this
---@field base_register_name? string as struct pt_regs calls it
---@field index_register_name? string
---@field scale? integer
---@field deref_offset? integer it lies in memory, at base + index * scale + this …
---@field deref_ident? string … + the address of this symbol

---@class bpf.USDTProbeLocation
---@field path string
---@field bin_path string the same
---@field address integer as nm shows it
---@field arguments bpf.USDTProbeArgument[]
---@field num_arguments integer
---@field text string all arguments as they stand in the file

---@class bpf.USDTProbe
---@field provider string
---@field name string
---@field path string the first file that has it
---@field bin_path string the same
---@field semaphore integer the counter's address in that file, 0 when there is none
---@field locations bpf.USDTProbeLocation[] by path and address
---@field num_locations integer
---@field num_arguments integer at the first location
---@field fn_name? string what it is enabled for
---@field short_name fun(self: bpf.USDTProbe): string "provider:name"

--- All probes, like readelf -n; probes, locations and arguments have a tostring() like BCC's.
---@return bpf.USDTProbe[]
function USDT:enumerate_probes() end

---@class bpf.USDT.active
---@field bin_path string
---@field fn_name string
---@field address integer
---@field pid? integer

--- A place for each location of each probe that is enabled.
---@return bpf.USDT.active[]
function USDT:enumerate_active_probes() end

--- The C type of an argument ("int32_t"): the widest of all locations.
---@param probe_name string
---@param arg_index integer counted from 0, as in BCC
---@return string? type nil when there is no such probe or argument
function USDT:get_probe_arg_ctype(probe_name, arg_index) end

--- The C that a program gets before its own text.
---@return string
function USDT:get_text() end

--- Lets go of the files. Programs that were attached stay so.
function USDT:close() end

--- Keys and leaves. Integers of up to 64 bits are Lua integers with the same bits, char arrays
--- strings, __int128 strings of 16 bytes, structs struct values; other arrays are Lua tables,
--- inside of structs bpf.Array. Where one is stored, a plain table does as well.
---@alias bpf.any integer|number|boolean|string|table|bpf.Value|bpf.Array

--- A map. t[k] reads (nil when absent), t[k] = v stores, t[k] = nil deletes, #t counts, pairs(t)
--- walks over a snapshot. Arrays count from 0, negative indices from the end. A method's name wins
--- over a key that is a string; t:get(k) always looks up. A method that a kind of map can not have
--- raises and lists those that it has.
---
--- Keys of an LPM trie may be written as addresses: t["10.0.0.0/8"], t["2001:db8::/32"]. Keys of
--- local storage are the id of a process (BPF_TASK_STORAGE), the path of a file or an open file
--- descriptor (BPF_INODE_STORAGE), a socket (BPF_SK_STORAGE). Leaves of a program array
--- are what b:load_func gives, of a table of tables other tables, of a cgroup array paths or
--- descriptors of cgroups.
---@class bpf.Table
---@field name string
---@field max_entries integer
---@field flags integer the kernel's map flags
---@field ttype integer the kernel's map type
---@field key_size integer bytes
---@field leaf_size integer bytes, of one CPU's leaf in per-CPU tables
---@field map_fd integer lent
---@field [bpf.any] bpf.any
---@operator len: integer
local Table = {}

---@param key bpf.any
---@param fallback? bpf.any what to give when the key is absent
---@return bpf.any? leaf nil when absent; for per-CPU maps an array with one for each CPU
function Table:get(key, fallback) end

---@param key bpf.any
---@param leaf bpf.any
function Table:set(key, leaf) end

--- Deletes a key; in arrays zeroes the leaf.
---@param key bpf.any
---@return boolean was_there
function Table:delete(key) end

--- The same as delete, as BCC calls it for arrays.
---@param key bpf.any
---@return boolean was_there
function Table:clearitem(key) end

---@param key bpf.any
---@return boolean
function Table:contains(key) end

--- The leaf of a key; when it is absent, leaf is stored first.
---@param key bpf.any
---@param leaf bpf.any
---@return bpf.any
function Table:setdefault(key, leaf) end

--- Stores all pairs of a Lua table or of another map.
---@param other table|bpf.Table
function Table:update(other) end

--- Some key and its leaf, which is deleted; nothing when the table is empty.
---@return bpf.any? key
---@return bpf.any? leaf
function Table:popitem() end

--- The key after a key, in the kernel's order; the first one without it; nil at the end. When the
--- key is gone the kernel starts again: pairs and items are safe from that.
---@param key? bpf.any
---@return bpf.any?
function Table:next(key) end

--- The same as t.map_fd.
---@return integer fd lent
function Table:get_fd() end

--- A key of an LPM trie as text.
---@param key bpf.any
---@return string prefix "10.0.0.0/8"
function Table:prefix(key) end

--- Deletes every key, or leaf of a queue or stack; in arrays zeroes every leaf.
function Table:clear() end

--- Zeroes every leaf.
function Table:zero() end

--- A key to fill: a struct value, or the plain value that a key is.
---@param content? bpf.any
---@return bpf.any
function Table:key(content) end

--- A leaf to fill.
---@param content? bpf.any
---@return bpf.any
function Table:leaf(content) end

--- The C type of the keys. Names for keys that are enums: t:key_type().enumerators[key].
---@return bpf.type? ctype nil when the program does not tell it
function Table:key_type() end

--- The C type of the leaves, of one CPU's leaf in per-CPU tables.
---@return bpf.type?
function Table:leaf_type() end

--- Writes each element as a line of JSON (NDJSON): {"key":…,"value":…}, as bpf.json writes values.
--- The leaves of a per-CPU table are an array. Bytes of unknown type are hexadecimal digits.
---   b.counts:write_json("counts.ndjson")
---@param file? string|file* path or open file; the current output
---@return integer count elements
function Table:write_json(file) end

--- Writes CSV: a line with the names of the columns, and one for each element. Columns are key and
--- value, or of structs and arrays key.pid, key.comm, value[0], …
---   b.counts:write_csv(io.stdout)
---@param file? string|file*
---@return integer count elements
function Table:write_csv(file) end

--- A key as text that key_scanf reads back: 0x2, { [ 0x1 0x2 ] "name" }.
---@param key bpf.any
---@return string
function Table:key_sprintf(key) end

---@param leaf bpf.any
---@return string
function Table:leaf_sprintf(leaf) end

--- A key out of text. Integers may be written in any way that C has.
---@param text string
---@return bpf.any
function Table:key_scanf(text) end

---@param text string
---@return bpf.any
function Table:leaf_scanf(text) end

--- An event out of raw bytes; an event that is decoded already is given back.
---@param raw string|bpf.Value
---@return bpf.any
function Table:event(raw) end

--- All pairs: an array of {key, leaf} that is also its own iterator: `for k, v in t:items() do`.
---@return { [1]: bpf.any, [2]: bpf.any }[]
function Table:items() end

---@return bpf.any[]
function Table:keys() end

--- All leaves; those of a queue or stack are popped.
---@return bpf.any[]
function Table:values() end

--- The same as items.
---@return { [1]: bpf.any, [2]: bpf.any }[]
function Table:items_lookup_batch() end

--- As items; what is read is deleted.
---@return { [1]: bpf.any, [2]: bpf.any }[]
function Table:items_lookup_and_delete_batch() end

--- Stores many.
---@param keys bpf.any[]
---@param leaves bpf.any[] as many as keys
function Table:items_update_batch(keys, leaves) end

--- Deletes many, or all.
---@param keys? bpf.any[]
function Table:items_delete_batch(keys) end

---@param key bpf.any
---@return integer? sum over all CPUs, with 64 bits; nil when absent
function Table:sum(key) end

---@param key bpf.any
---@return number? average over all possible CPUs; nil when absent
function Table:average(key) end

---@param key bpf.any
---@return integer? nil when absent
function Table:max(key) end

---@param key bpf.any
---@return integer? nil when absent
function Table:min(key) end

--- The leaves of all possible CPUs.
---@param key bpf.any
---@return bpf.any[]? nil when absent
function Table:getvalue(key) end

--- Puts a leaf into a queue or onto a stack. Flag 2 (BPF_EXIST) drops the oldest leaf when there
--- is no room.
---@param leaf bpf.any
---@param flags integer? 0
function Table:push(leaf, flags) end

--- The next leaf of a queue or stack, removed; nil when there is none. In others the leaf of a
--- key, which is deleted.
---@param key? bpf.any
---@param fallback? bpf.any what to give when the key is absent
---@return bpf.any?
function Table:pop(key, fallback) end

--- The next leaf of a queue or stack, which stays there; nil when there is none.
---@return bpf.any?
function Table:peek() end

--- BPF_PERF_ARRAY: counts an event on each CPU, for perf_read and perf_counter_value in the
--- program. The table keeps counting until it closes; t[cpu] = nil ends one.
---@param type integer bpf.PerfType.*
---@param config integer bpf.PerfSWConfig.*, bpf.PerfHWConfig.*, …
---@param pid? integer only this thread; -1
---@return integer count CPUs
function Table:open_perf_event(type, config, pid) end

--- A stack's addresses, innermost first; nil for an id that is negative or not there. A table with
--- BPF_F_STACK_BUILD_ID has entries instead.
---@param id integer
---@return integer[]|bpf.build_id_entry[]|nil
function Table:get_stack(id) end

--- The names of a stack's frames, innermost first; nil when there is no such stack.
---@param id integer
---@param pid integer -1 for a stack of the kernel
---@param options? bpf.sym_options
---@return string[]?
function Table:get_symbols(id, pid, options) end

---@class bpf.stack_options
---@field user? string|false the key's field with the id of the user stack
---@field kernel? string|false the field with that of the kernel's
---@field pid? string|integer the field with the process; a number where keys are ids
---@field comm? string|false the field that becomes the outermost frame
---@field count? string the field of the leaf that counts, when leaves are structs
---@field annotate? boolean ends frames of the kernel with "_[k]"
---@field format? bpf.sym_options

--- The stacks that the keys of a table of counts name, for bpf.flamegraph. A key is a stack id, of
--- the process pid, else of the kernel; or a struct, in which the options name the fields, unless
--- these are called user_stack_id, kernel_stack_id, pid or tgid, comm or name (false: none).
--- A stack that the kernel could not save is a frame "[missed user stack]".
---   flamegraph.write("cpu.svg", b.stacks:get_stacks(b.counts, { annotate = true }))
---@param counts bpf.Table|{ [1]: bpf.any, [2]: bpf.any }[] a table, or its items
---@param options? bpf.stack_options
---@return bpf.flamegraph.stack[]
function Table:get_stacks(counts, options) end

--- An iterator over a stack's addresses, or over what resolve makes of them.
---@param id integer
---@param resolve? fun(addr: integer): string?
---@return fun(): integer|string|nil
function Table:walk(id, resolve) end

---@class bpf.perf_buffer_options
---@field callback? fun(cpu: integer, event: bpf.any, size: integer): boolean?
---@field page_cnt? integer pages for each CPU, a power of two; 8
---@field lost_cb? fun(count: integer) without it, a line on stderr tells
---@field wakeup_events? integer readable after so many events; 1

--- Sends the table's events to a callback. The event is a view that is valid until the callback
--- returns (event:copy() is valid for ever), or a string of raw bytes when the program does not
--- tell its type. A callback that returns false ends the poll. Events of one CPU come in order.
---
--- Where the kernel has ring buffers (Linux 5.8) the output is one for each CPU: it costs the
--- traced program a fraction of what a perf buffer does, size is exact, and every loss is told. The
--- kernel's perf buffer rounds size up (so that size + 4 is a multiple of 8); a program that calls
--- perf_submit_skb or bpf_perf_event_output has one, and so has any with BPF{mechanism = "perf"}.
---@param callback fun(cpu: integer, event: bpf.any, size: integer): boolean?
---@param options? bpf.perf_buffer_options
function Table:open_perf_buffer(callback, options) end

--- The same for a ring buffer; cpu is nil.
---@param callback fun(cpu: nil, event: bpf.any, size: integer): boolean?
function Table:open_ring_buffer(callback) end

--- Closes the table's perf or ring buffer; the programs go on, and what they send is dropped. It
--- may be opened again. A callback that closes its own buffer gets no more of its events. A perf
--- buffer of one CPU ends with t[cpu] = nil.
---@return boolean was_open
function Table:close_buffer() end

---@class bpf.histogram_options
---@field val_type? string header of the values; "value"
---@field section_header? string what a bucket is; "Bucket ptr"
---@field section_print_fn? fun(bucket: bpf.any): any text of a bucket
---@field bucket_fn? fun(bucket: bpf.any): any another value instead of the key's first field
---@field strip_leading_zero? boolean no rows before the first one that counts
---@field bucket_sort_fn? fun(buckets: bpf.any[]): bpf.any[]? order of the buckets

--- Prints a power-of-two histogram, one for each bucket when keys are structs of bucket and slot.
--- Arguments may be positional, too.
---@param options? bpf.histogram_options|string
function Table:print_log2_hist(options, ...) end

--- Prints a linear histogram.
---@param options? bpf.histogram_options|string
function Table:print_linear_hist(options, ...) end

--- Prints one line of JSON for each bucket (needs the module dkjson).
---@param options? bpf.histogram_options|string
function Table:print_json_hist(options, ...) end

---@class bpf.percentiles_options
---@field [integer] number percents; 50, 90 and 99
---@field kind? "log2"|"linear" "log2"
---@field by_bucket? boolean an array of those of each bucket, when keys are structs

---@class bpf.percentiles
---@field [number] number by percent
---@field count integer values
---@field min integer least value of the first slot that counts
---@field max integer largest value of the last slot that counts
---@field bucket? bpf.any with by_bucket

--- Percentiles of a histogram table. Linear ones are exact; in a power-of-two slot values count as
--- spread evenly from its least to its largest one, so that the error is less than a factor of two.
---   local p = b.latency:percentiles{ 50, 99.9 }; print(p[50], p[99.9], p.max)
---@param options? bpf.percentiles_options
---@return bpf.percentiles|bpf.percentiles[]|nil nil when nothing was counted
function Table:percentiles(options) end

--- A histogram over time.
---@class bpf.Heatmap
local Heatmap = {}

--- Prints a line for what a histogram table counted since the last time (the first time: so far),
--- all of its buckets together; before the first line, the scale.
---@param source bpf.Table
---@param label? string what stands before it, 8 columns; the time
function Heatmap:add(source, label) end

--- The symbols of one process. What it has read goes when it closes.
---@class bpf.SymbolCache
local SymbolCache = {}

--- What is at an address.
---@param addr integer
---@param demangle? boolean true
---@return string? name
---@return integer offset from the function's start, else from the module's
---@return string? module path of the file
function SymbolCache:resolve(addr, demangle) end

--- Where a function is in the process; nil when it is not there.
---@param module? string path or file name of a mapped file; any, when nil
---@param name string
---@return integer? addr
function SymbolCache:resolve_name(module, name) end

--- Why files of the process, or its perf map, could not be read: a sentence for each.
---@return string[]
function SymbolCache:problems() end

--- Frees its memory.
function SymbolCache:close() end

--- A struct or union. Fields are read and assigned by name; pairs gives them in the order of their
--- declaration. A field that has a method's name hides the method. Nested structs and arrays write
--- through to the value that they lie in. Fields of unions may be given together when they agree. A
--- flexible array has the elements that were sent behind the struct; perf buffers may add up to
--- seven bytes.
---@class bpf.Value
---@field [string] bpf.any
local Value = {}

--- An array inside a struct value: shows its elements, the first one is [1], and writes through to
--- them. `#`, pairs, ipairs, table.unpack, table.concat and table.sort take it; an assignment
--- behind its end raises. It has the methods of bpf.Value, with places for fields.
---@class bpf.Array: bpf.Value
---@field [integer] bpf.any

--- A value with bytes of its own; of an event, to keep it.
---@return bpf.Value
function Value:copy() end

--- A plain Lua table, structs and arrays inside it too.
---@return table
function Value:totable() end

--- The raw bytes of all, or of one field.
---@param field? string|integer
---@return string
function Value:bytes(field) end

--- The name of the enumerator that a field of an enum type has; nil for a number without a name.
---@param field string|integer
---@return string?
function Value:enumerator(field) end

--- Flame graphs: `local flamegraph = require "bpf.flamegraph"`.
---@class bpf.flamegraph
local flamegraph = {}

---@class bpf.flamegraph.stack
---@field frames string[] outermost first
---@field count number samples, bytes, microseconds, …

---@class bpf.flamegraph.options
---@field title? string
---@field subtitle? string
---@field unit? string what is counted; "samples"
---@field colors? "hot"|"mem"|"io"|"wakeup"|"grey"|fun(name: string): string "hot"; kernel frames
--- (those that end in "_[k]") are orange in all but "grey"
---@field width? number pixels; 1200
---@field min_width? number frames narrower than this many pixels are left out; 0.1
---@field inverted? boolean the outermost frame on top

--- Writes a flame graph: one SVG file that needs nothing else. Click zooms, Ctrl-F searches,
--- hovering tells name, count and share. Names may be anything; bytes that are no UTF-8 become
--- U+FFFD.
---@param file? string|file* path or open file; the current output
---@param stacks bpf.flamegraph.stack[]|string an array, or folded text
---@param options? bpf.flamegraph.options
---@return integer drawn frames
---@return integer left_out frames that were too narrow, without those on top of them
function flamegraph.write(file, stacks, options) end

--- Folded text, as flame graph programs read it: "main;work;malloc 17", sorted, equal ones summed.
---@param stacks bpf.flamegraph.stack[]|string
---@return string
function flamegraph.fold(stacks) end

return bpf
