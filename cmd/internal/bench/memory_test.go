//go:build bench

package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// watchMemory looks at a server's memory until the function that it returns is called, which returns the largest in KB: that
// of the process and its children, in which memory that several share counts once. 0: the system does not tell.
func watchMemory(pid int) func() int64 {
	end, peak := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		for {
			most = max(most, memoryOf(pid))
			select {
			case <-end:
				peak <- most
				return
			case <-time.After(500 * time.Millisecond):
			}
		}
	}()
	return func() int64 {
		close(end)
		return <-peak
	}
}

// memoryOf adds up the proportional memory of a process and its children as Linux shows it.
func memoryOf(pid int) int64 {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	var sum int64
	for _, id := range append(strings.Fields(string(children)), strconv.Itoa(pid)) {
		// A process may have ended since.
		text, err := os.ReadFile("/proc/" + id + "/smaps_rollup")
		if err != nil {
			continue
		}
		for line := range bytes.Lines(text) {
			if fields := bytes.Fields(line); len(fields) > 1 && string(fields[0]) == "Pss:" {
				kb, _ := strconv.ParseInt(string(fields[1]), 10, 64)
				sum += kb
			}
		}
	}
	return sum
}
