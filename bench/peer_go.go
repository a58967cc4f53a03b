// SPDX-License-Identifier: MIT

// A peer: os/exec of Go's standard library, a goroutine for each stream.  The command line and the report are those of
// driver.h.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	readSize = 64 << 10
	message  = 64 // bytes of a ping, and of its answer
)

var (
	options       = map[string]string{}
	samples       []int64
	bytesSeen     int64
	linesSeen     int64
	exitsSeen     int64
	began, ended  usage
	sampleNames   = []string{"min", "p50", "p90", "p99", "max"}
	samplePercent = []int{0, 50, 90, 99, 100}
)

type usage struct {
	wall             time.Time
	cpu, childrenCPU float64
	contextSwitches  int64
}

func fail(what ...interface{}) {
	fmt.Fprintln(os.Stderr, what...)
	os.Exit(2)
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func number(key string) int64 {
	n, err := strconv.ParseInt(options[key], 10, 64)
	if err != nil {
		fail(key, err)
	}
	return n
}

func numberOr(key string, absent int64) int64 {
	if _, given := options[key]; !given {
		return absent
	}
	return number(key)
}

func seconds(t syscall.Timeval) float64 {
	return float64(t.Sec) + float64(t.Usec)/1e6
}

func usageNow() usage {
	var own, children syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &own))
	check(syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children))
	return usage{time.Now(), seconds(own.Utime) + seconds(own.Stime), seconds(children.Utime) + seconds(children.Stime),
		int64(own.Nvcsw + own.Nivcsw)}
}

// The clock of the child's stamp.
func monotonic() int64 {
	var t syscall.Timespec
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&t)), 0)
	if errno != 0 {
		fail(errno)
	}
	return t.Nano()
}

func child(args ...string) *exec.Cmd {
	return exec.Command(options["child"], args...)
}

func finish(err error) {
	check(err)
	exitsSeen++
}

// ---- one child ----

func bulk() {
	command := child("bulk", options["bytes"], options["write"])
	began = usageNow()
	out, err := command.StdoutPipe()
	check(err)
	check(command.Start())
	count(out)
	finish(command.Wait())
	ended = usageNow()
}

func count(stream io.Reader) {
	block := make([]byte, readSize)
	for {
		n, err := stream.Read(block)
		atomic.AddInt64(&bytesSeen, int64(n))
		if err == io.EOF {
			return
		}
		check(err)
	}
}

func lines() {
	command := child("lines", options["lines"], options["length"])
	began = usageNow()
	out, err := command.StdoutPipe()
	check(err)
	check(command.Start())
	reader := bufio.NewReaderSize(out, readSize)
	for {
		line, err := reader.ReadSlice('\n')
		bytesSeen += int64(len(line))
		if err == io.EOF {
			break
		}
		if err != bufio.ErrBufferFull {
			check(err)
			linesSeen++
		}
	}
	finish(command.Wait())
	ended = usageNow()
}

func pingpong() {
	command := child("pong")
	began = usageNow()
	in, err := command.StdinPipe()
	check(err)
	out, err := command.StdoutPipe()
	check(err)
	check(command.Start())
	block := make([]byte, message)
	for i := number("n"); i > 0; i-- {
		at := time.Now()
		_, err = in.Write(block)
		check(err)
		n, err := io.ReadFull(out, block)
		check(err)
		bytesSeen += int64(n)
		samples = append(samples, time.Since(at).Nanoseconds())
	}
	check(in.Close())
	finish(command.Wait())
	ended = usageNow()
}

// ---- many children ----

func many(args ...string) {
	var reading sync.WaitGroup
	var commands []*exec.Cmd
	began = usageNow()
	for i := number("children"); i > 0; i-- {
		command := child(args...)
		out, err := command.StdoutPipe()
		check(err)
		errors, err := command.StderrPipe()
		check(err)
		check(command.Start())
		for _, stream := range []io.Reader{out, errors} {
			reading.Add(1)
			go func(stream io.Reader) {
				count(stream)
				reading.Done()
			}(stream)
		}
		commands = append(commands, command)
	}
	reading.Wait()
	for _, command := range commands {
		finish(command.Wait())
	}
	ended = usageNow()
}

func burst() {
	many("bulk", options["bytes"], options["write"])
}

func drip() {
	many("drip", options["n"], options["rate"], options["size"])
}

// ---- starts, exits, stops ----

func holdHeapAndFds() {
	if heap := numberOr("heap", 0); heap > 0 {
		memory, err := syscall.Mmap(-1, 0, int(heap), syscall.PROT_READ|syscall.PROT_WRITE,
			syscall.MAP_PRIVATE|syscall.MAP_ANON)
		check(err)
		check(syscall.Madvise(memory, syscall.MADV_NOHUGEPAGE))
		for at := 0; at < len(memory); at += os.Getpagesize() {
			memory[at] = 1
		}
	}
	for i := numberOr("fds", 0); i > 0; i-- {
		_, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		check(err)
	}
}

func spawn() {
	holdHeapAndFds()
	began = usageNow()
	for i := number("n"); i > 0; i-- {
		at := time.Now()
		command := exec.Command("/bin/true")
		if options["pipes"] == "1" {
			command.Stdout, command.Stderr = &bytes.Buffer{}, &bytes.Buffer{}
		}
		finish(command.Run())
		samples = append(samples, time.Since(at).Nanoseconds())
	}
	ended = usageNow()
}

func exits() {
	stamp, err := os.CreateTemp("", "tend-bench")
	check(err)
	defer os.Remove(stamp.Name())
	check(stamp.Truncate(8))
	word := make([]byte, 8)
	began = usageNow()
	for i := number("n"); i > 0; i-- {
		finish(child("stamp", stamp.Name()).Run())
		now := monotonic()
		_, err = stamp.ReadAt(word, 0)
		check(err)
		samples = append(samples, now-int64(binary.LittleEndian.Uint64(word)))
	}
	ended = usageNow()
}

func stop() {
	began = usageNow()
	for i := number("n"); i > 0; i-- {
		command := child("obey")
		out, err := command.StdoutPipe()
		check(err)
		check(command.Start())
		_, err = io.ReadFull(out, make([]byte, len("ready\n")))
		check(err)
		at := time.Now()
		check(command.Process.Signal(syscall.SIGTERM))
		finish(command.Wait())
		samples = append(samples, time.Since(at).Nanoseconds())
	}
	ended = usageNow()
}

// ---- the report ----

var works = map[string]func(){"bulk": bulk, "burst": burst, "drip": drip, "exit": exits, "lines": lines,
	"pingpong": pingpong, "spawn": spawn, "stop": stop}

func status(label string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	check(err)
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == label {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			return n
		}
	}
	return 0
}

func report() {
	result := map[string]interface{}{
		"wall":         ended.wall.Sub(began.wall).Seconds(),
		"cpu":          ended.cpu - began.cpu,
		"children_cpu": ended.childrenCPU - began.childrenCPU,
		"switches":     ended.contextSwitches - began.contextSwitches,
		"rss_kib":      status("VmHWM:"),
		"threads":      status("Threads:"),
		"bytes":        bytesSeen,
		"lines":        linesSeen,
		"exits":        exitsSeen,
	}
	if len(samples) > 0 {
		sort.Slice(samples, func(i, j int) bool { return samples[i] < samples[j] })
		all := map[string]float64{"n": float64(len(samples))}
		for i, name := range sampleNames {
			all[name] = float64(samples[(len(samples)-1)*samplePercent[i]/100]) / 1e3
		}
		result["samples"] = all
	}
	check(json.NewEncoder(os.Stdout).Encode(result))
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--works" {
		for name := range works {
			fmt.Println(name)
		}
		return
	}
	if len(os.Args) < 2 || works[os.Args[1]] == nil {
		fail("usage: peer_go --works | WORK [KEY=VALUE...]")
	}
	for _, pair := range os.Args[2:] {
		if at := strings.IndexByte(pair, '='); at > 0 {
			options[pair[:at]] = pair[at+1:]
		}
	}
	runtime.GC()
	works[os.Args[1]]()
	report()
}
