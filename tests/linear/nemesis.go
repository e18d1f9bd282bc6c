package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Nemesis runs a command again and again while the clients work: it may kill, pause, restart.
type Nemesis struct {
	Command           string
	Shortest, Longest time.Duration // the pause between two runs
	Runs, Failures    int
}

// What a command may take to end by itself: one that has paused a worker must wake it up again.
const nemesisGrace = 5 * time.Second

// Run goes on until ctx ends; a command that is running then is killed after a grace.
func (n *Nemesis) Run(ctx context.Context, random *rand.Rand) {
	for {
		pause := n.Shortest + time.Duration(random.Int64N(int64(n.Longest-n.Shortest)+1))
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		n.Runs++
		if err := n.once(ctx); err != nil {
			n.Failures++
		}
	}
}

func (n *Nemesis) once(working context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer context.AfterFunc(working, func() { time.AfterFunc(nemesisGrace, cancel) })()
	command := exec.CommandContext(ctx, "sh", "-c", n.Command)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error {
		err := syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		if errors.Is(err, syscall.ESRCH) {
			return os.ErrProcessDone
		}
		return err
	}
	command.WaitDelay = time.Second
	return command.Run()
}
