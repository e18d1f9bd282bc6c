package main

import (
	"fmt"
	"io"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

// Verdict is the result over all states.
type Verdict struct {
	Result porcupine.CheckResult
	State  string // the first one that is not Ok
	model  porcupine.Model
	ops    []porcupine.Operation
	info   porcupine.LinearizationInfo
}

// Rules say what may happen besides what a client is told.
type Rules struct {
	Late       time.Duration // a request has no effect later than that after it was sent
	ArriveLate bool          // a write may land after its lock was released: late.go
	GiveBack   bool          // a lock is there to be seen before it is known whether it may be
}

// Check decides whether the contract explains every answer. Each state is checked by itself, for at
// most limit: Unknown means that the time did not suffice.
func Check(records []Record, limit time.Duration, rules Rules) Verdict {
	perState := map[string][]Record{}
	for _, r := range records {
		perState[r.State] = append(perState[r.State], r)
	}
	names := make([]string, 0, len(perState))
	for name := range perState {
		names = append(names, name)
	}
	sort.Strings(names)
	verdict := Verdict{Result: porcupine.Ok}
	for _, name := range names {
		h, ops := prepare(perState[name], rules)
		model := h.model()
		result, info := porcupine.CheckOperationsVerbose(model, ops, limit)
		if result == porcupine.Illegal {
			return Verdict{result, name, model, ops, info}
		}
		if result == porcupine.Unknown && verdict.Result == porcupine.Ok {
			verdict = Verdict{result, name, model, ops, info}
		}
	}
	return verdict
}

// Draw writes Porcupine's page about the state that is not Ok.
func (v *Verdict) Draw(path string) error {
	return porcupine.VisualizePath(v.model, v.info, path)
}

// Explain prints the end of the longest explanation that was found for the state that is not Ok,
// and the answers that could not follow it.
func (v *Verdict) Explain(w io.Writer) {
	const shown = 12
	var longest []porcupine.Operation
	for _, explained := range v.info.PartialLinearizationsOperations()[0] {
		if len(explained) > len(longest) {
			longest = explained
		}
	}
	fmt.Fprintf(w, "state %s: %d of %d operations explained, the last of them:\n", v.State,
		len(longest), len(v.ops))
	done := map[any]bool{}
	s := v.model.Init()
	for i, op := range longest {
		done[op.Input] = true
		_, s = v.model.Step(s, op.Input, nil)
		if i >= len(longest)-shown {
			printOperation(w, op)
		}
	}
	fmt.Fprintf(w, "which leaves: %s\nnot explained, by their end:\n", v.model.DescribeState(s))
	var rest []porcupine.Operation
	for _, op := range v.ops {
		if !done[op.Input] {
			rest = append(rest, op)
		}
	}
	sort.Slice(rest, func(i, j int) bool { return rest[i].Return < rest[j].Return })
	for _, op := range rest[:min(shown, len(rest))] {
		printOperation(w, op)
	}
}

func printOperation(w io.Writer, op porcupine.Operation) {
	r := op.Input.(*operation).record
	fmt.Fprintf(w, "  %10.3f..%10.3f ms  client %d  %s\n", float64(r.Call)/1e6,
		float64(r.Return)/1e6, r.Client, r)
}
