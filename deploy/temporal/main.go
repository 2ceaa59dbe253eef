// A Temporal server for one machine: the public server and its web UI in one process, started with the flags of
// `temporal server start-dev`, so that Keelson starts this program and the official command in the same way.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	uiversion "github.com/temporalio/ui-server/v2/server/version"
	"go.temporal.io/server/common/headers"
)

const usage = `usage:
  temporal server start-dev [flags]   start a server; see its --help
  temporal --version                  print the versions of server and UI
`

// Options are the flags of `temporal server start-dev` that Keelson uses, and one of its own.
type Options struct {
	ip, uiIP, databaseFile string
	port, uiPort           int
	logLevel, logFormat    string
	headless               bool
	exitWithStdin          bool
	namespaces             repeated
	dynamicConfigValues    repeated
}

var logLevels = []string{"debug", "info", "warn", "error", "never"}

// repeated collects a flag that may be given more than once.
type repeated []string

func (values *repeated) String() string { return strings.Join(*values, ",") }

func (values *repeated) Set(value string) error {
	*values = append(*values, value)
	return nil
}

func main() {
	arguments := os.Args[1:]
	if len(arguments) == 1 && (arguments[0] == "--version" || arguments[0] == "-v") {
		// The wording of the official command, which the launcher reads.
		fmt.Printf("temporal version keelson (Server %s, UI %s)\n", headers.ServerVersion, uiversion.UIVersion)
		return
	}
	if len(arguments) < 2 || arguments[0] != "server" || arguments[1] != "start-dev" {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	options, err := parse(arguments[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := run(options, interruption(options.exitWithStdin)); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func parse(arguments []string) (*Options, error) {
	options := &Options{}
	flags := flag.NewFlagSet("temporal server start-dev", flag.ExitOnError)
	flags.StringVar(&options.ip, "ip", "127.0.0.1", "address that the server listens on")
	flags.IntVar(&options.port, "port", 7233, "port of the server (gRPC)")
	flags.StringVar(&options.uiIP, "ui-ip", "", "address that the web UI listens on (default: that of the server)")
	flags.IntVar(&options.uiPort, "ui-port", 0, "port of the web UI (default: the server's port + 1000)")
	flags.BoolVar(&options.headless, "headless", false, "serve no web UI")
	flags.StringVar(&options.databaseFile, "db-filename", "", "SQLite file to keep everything in (default: memory only)")
	flags.Var(&options.namespaces, "namespace", "`name` of a namespace to create besides default; may be repeated")
	flags.Var(&options.dynamicConfigValues, "dynamic-config-value", "server setting as `key=JSON`; may be repeated")
	flags.StringVar(&options.logLevel, "log-level", "warn", "debug, info, warn, error or never")
	flags.StringVar(&options.logFormat, "log-format", "text", "text or json")
	flags.BoolVar(&options.exitWithStdin, "exit-with-stdin", false, "stop when standard input closes: with the parent process")
	// Never an error: it says what is wrong, and how it is used, and exits.
	_ = flags.Parse(arguments)
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if net.ParseIP(options.ip) == nil {
		return nil, fmt.Errorf("--ip %q is not an IP address", options.ip)
	}
	if !slices.Contains(logLevels, options.logLevel) {
		return nil, fmt.Errorf("--log-level %q is none of %s", options.logLevel, strings.Join(logLevels, ", "))
	}
	if options.uiIP == "" {
		options.uiIP = options.ip
	}
	if options.uiPort == 0 {
		options.uiPort = options.port + 1000
	}
	return options, nil
}

// parseDynamicConfig reads `key=JSON`. Whole numbers become Go ints: the server takes no floats for them.
func parseDynamicConfig(values []string) (map[string]any, error) {
	parsed := make(map[string]any, len(values))
	for _, pair := range values {
		key, text, found := strings.Cut(pair, "=")
		if !found || key == "" {
			return nil, fmt.Errorf("--dynamic-config-value %q is not key=JSON", pair)
		}
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			return nil, fmt.Errorf("--dynamic-config-value %s: %q is not JSON (a text needs its quotes)", key, text)
		}
		if number, ok := value.(json.Number); ok {
			if whole, err := number.Int64(); err == nil {
				value = int(whole)
			} else if value, err = number.Float64(); err != nil {
				return nil, fmt.Errorf("--dynamic-config-value %s: %s is out of range", key, number)
			}
		}
		parsed[key] = value
	}
	return parsed, nil
}

// interruption yields one value when the process is asked to stop: by a signal or by the closing of standard input.
func interruption(exitWithStdin bool) <-chan any {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	interrupted := make(chan any, 2)
	go func() { interrupted <- <-signals }()
	if exitWithStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			interrupted <- "standard input closed"
		}()
	}
	return interrupted
}
