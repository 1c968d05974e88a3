// Asks OPA's Go library: one request a line on stdin, one answer a line on stdout, both JSON.
//
//	{"prepare": {"modules": {"a.rego": "package …"}, "data": {…}, "query": "data.provost.__decision", "inputs": […]}}
//	{"answer": {}}                what the query gives for each input: {"answers": [{"value": …} | {"error": "…"} | {}]}
//	{"measure": {"rounds": 3}}    nanoseconds of processor time for all inputs, the collector's included: {"nanoseconds": […]}
//
// The query is prepared and the inputs are parsed once; data is kept as OPA's own values. An error of a builtin is an error.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/util"
)

type request struct {
	Prepare *struct {
		Modules map[string]string `json:"modules"`
		Data    json.RawMessage   `json:"data"`
		Query   string            `json:"query"`
		Inputs  []json.RawMessage `json:"inputs"`
	} `json:"prepare"`
	Answer  *struct{} `json:"answer"`
	Measure *struct {
		Rounds int `json:"rounds"`
	} `json:"measure"`
}

type answer struct {
	Value any    `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
}

type reply struct {
	Error       string   `json:"error,omitempty"`
	Answers     []answer `json:"answers,omitempty"`
	Nanoseconds []int64  `json:"nanoseconds,omitempty"`
}

type asked struct {
	query  rego.PreparedEvalQuery
	inputs []ast.Value
}

func main() {
	runtime.GOMAXPROCS(1)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	lines := json.NewDecoder(in)
	out := json.NewEncoder(os.Stdout)
	var current asked
	for lines.More() {
		var r request
		if err := lines.Decode(&r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := out.Encode(current.reply(r)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func (a *asked) reply(r request) reply {
	ctx := context.Background()
	switch {
	case r.Prepare != nil:
		data := map[string]any{}
		if err := util.UnmarshalJSON(r.Prepare.Data, &data); err != nil {
			return reply{Error: err.Error()}
		}
		store := inmem.NewFromObjectWithOpts(data, inmem.OptReturnASTValuesOnRead(true))
		options := []func(*rego.Rego){rego.Query(r.Prepare.Query), rego.Store(store), rego.StrictBuiltinErrors(true)}
		for name, text := range r.Prepare.Modules {
			options = append(options, rego.Module(name, text))
		}
		query, err := rego.New(options...).PrepareForEval(ctx)
		if err != nil {
			return reply{Error: err.Error()}
		}
		inputs := make([]ast.Value, 0, len(r.Prepare.Inputs))
		for _, text := range r.Prepare.Inputs {
			var input any
			if err := util.UnmarshalJSON(text, &input); err != nil {
				return reply{Error: err.Error()}
			}
			value, err := ast.InterfaceToValue(input)
			if err != nil {
				return reply{Error: err.Error()}
			}
			inputs = append(inputs, value)
		}
		*a = asked{query: query, inputs: inputs}
		return reply{}
	case r.Answer != nil:
		answers := make([]answer, 0, len(a.inputs))
		for _, input := range a.inputs {
			results, err := a.query.Eval(ctx, rego.EvalParsedInput(input))
			switch {
			case err != nil:
				answers = append(answers, answer{Error: err.Error()})
			case len(results) == 0:
				answers = append(answers, answer{})
			default:
				answers = append(answers, answer{Value: results[0].Expressions[0].Value})
			}
		}
		return reply{Answers: answers}
	case r.Measure != nil:
		times := make([]int64, 0, r.Measure.Rounds)
		for range r.Measure.Rounds {
			before := processorTime()
			for _, input := range a.inputs {
				if _, err := a.query.Eval(ctx, rego.EvalParsedInput(input)); err != nil {
					return reply{Error: err.Error()}
				}
			}
			times = append(times, processorTime()-before)
		}
		return reply{Nanoseconds: times}
	default:
		return reply{Error: "nothing is asked"}
	}
}

// processorTime is what this process has used so far, in nanoseconds.
func processorTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
