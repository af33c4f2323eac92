// Jaeger's Go client as a peer: a JSON request a line, a JSON answer a line; see ../protocol.rs.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"github.com/opentracing/opentracing-go"
	"github.com/uber/jaeger-client-go"
	"github.com/uber/jaeger-client-go/zipkin"
)

type request struct {
	Format  string            `json:"format"`
	Context *string           `json:"context"`
	Baggage map[string]string `json:"baggage"`
	Headers map[string]string `json:"headers"`
	Bytes   string            `json:"bytes"`
}

type answer struct {
	Headers map[string]string `json:"headers,omitempty"`
	Bytes   string            `json:"bytes,omitempty"`
	Context string            `json:"context,omitempty"`
	Baggage map[string]string `json:"baggage,omitempty"`
	Error   string            `json:"error,omitempty"`
}

type peer struct {
	tracer opentracing.Tracer
	b3     zipkin.Propagator
}

func (p peer) inject(format string, context jaeger.SpanContext) (answer, error) {
	headers := opentracing.TextMapCarrier{}
	switch format {
	case "binary":
		carrier := new(bytes.Buffer)
		err := p.tracer.Inject(context, opentracing.Binary, carrier)
		return answer{Bytes: hex.EncodeToString(carrier.Bytes())}, err
	case "b3":
		err := p.b3.Inject(context, headers)
		return answer{Headers: headers}, err
	case "http":
		err := p.tracer.Inject(context, opentracing.HTTPHeaders, headers)
		return answer{Headers: headers}, err
	default:
		err := p.tracer.Inject(context, opentracing.TextMap, headers)
		return answer{Headers: headers}, err
	}
}

func (p peer) extract(r request) (opentracing.SpanContext, error) {
	headers := opentracing.TextMapCarrier(r.Headers)
	switch r.Format {
	case "binary":
		carrier, err := hex.DecodeString(r.Bytes)
		if err != nil {
			return nil, err
		}
		return p.tracer.Extract(opentracing.Binary, bytes.NewReader(carrier))
	case "b3":
		return p.b3.Extract(headers)
	case "http":
		return p.tracer.Extract(opentracing.HTTPHeaders, headers)
	default:
		return p.tracer.Extract(opentracing.TextMap, headers)
	}
}

func (p peer) answer(line []byte) (answer, error) {
	var r request
	if err := json.Unmarshal(line, &r); err != nil {
		return answer{}, err
	}
	if r.Context != nil {
		context, err := jaeger.ContextFromString(*r.Context)
		if err != nil {
			return answer{}, err
		}
		for key, value := range r.Baggage {
			context = context.WithBaggageItem(key, value)
		}
		return p.inject(r.Format, context)
	}
	extracted, err := p.extract(r)
	if err != nil {
		return answer{}, err
	}
	context, ok := extracted.(jaeger.SpanContext)
	if !ok {
		return answer{}, fmt.Errorf("no context")
	}
	baggage := map[string]string{}
	context.ForeachBaggageItem(func(key, value string) bool {
		baggage[key] = value
		return true
	})
	return answer{Context: context.String(), Baggage: baggage}, nil
}

func main() {
	tracer, closer := jaeger.NewTracer("peer", jaeger.NewConstSampler(true), jaeger.NewNullReporter())
	defer closer.Close()
	p := peer{tracer: tracer, b3: zipkin.NewZipkinB3HTTPHeaderPropagator()}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	encoder := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		result, err := p.answer(lines.Bytes())
		if err != nil {
			result = answer{Error: err.Error()}
		}
		if err := encoder.Encode(result); err != nil {
			panic(err)
		}
	}
}
