package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	// Registers the SQLite driver.
	_ "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
)

const (
	clusterName = "active"
	storeName   = "sqlite"
	// Fixed for the life of a database file: the server keeps the number it was created with.
	historyShards = 1
)

// defaultSettings are what a server alone on its machine needs; --dynamic-config-value overrides each.
var defaultSettings = map[string]any{
	// Nobody else uses this server: its own rate limits would only slow it down.
	"frontend.persistenceMaxQPS": 10000,
	"history.persistenceMaxQPS":  45000,
	// One process holds everything: caches need not be as large as a cluster's.
	"history.hostLevelCacheMaxSize": 8096,
	// The default (20 a second) makes every step that is not eager wait for a tick of 50 ms.
	"history.transferProcessorMaxPollRPS": 1000,
	// Search attributes that were just added can be used at once.
	"system.forceSearchAttributesCacheRefreshOnRead":      true,
	"system.enableEagerWorkflowStart":                     true,
	"frontend.enableUpdateWorkflowExecution":              true,
	"frontend.enableUpdateWorkflowExecutionAsyncAccepted": true,
}

// run starts the server and its UI and returns when both have stopped.
func run(options *Options, interrupted <-chan any) error {
	settings, err := dynamicSettings(options.dynamicConfigValues)
	if err != nil {
		return err
	}
	for _, port := range listenedPorts(options) {
		if err := ensureFree(port.address); err != nil {
			return fmt.Errorf("the %s cannot listen on %s: %w", port.name, port.address, err)
		}
	}
	database := databaseConfig(options.databaseFile)
	if err := prepareDatabase(options, database); err != nil {
		return fmt.Errorf("the database %q cannot be used: %w", options.databaseFile, err)
	}
	serverConfig, hosts, err := serverConfiguration(options, database)
	if err != nil {
		return err
	}
	server, err := temporal.NewServer(
		temporal.WithConfig(serverConfig),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(logger(options)),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
		temporal.WithDynamicConfigClient(settings),
		temporal.InterruptOn(interrupted),
	)
	if err != nil {
		return err
	}
	if !options.headless {
		ui := startUI(options)
		defer ui.Stop()
	}
	// Blocks until interrupted, then stops the services.
	return server.Start()
}

func dynamicSettings(values []string) (dynamicconfig.StaticClient, error) {
	overrides, err := parseDynamicConfig(values)
	if err != nil {
		return nil, err
	}
	settings := dynamicconfig.StaticClient{}
	for key, value := range defaultSettings {
		settings[dynamicconfig.MakeKey(key)] = value
	}
	for key, value := range overrides {
		settings[dynamicconfig.MakeKey(key)] = value
	}
	return settings, nil
}

func databaseConfig(file string) *config.SQL {
	if file == "" {
		return &config.SQL{
			PluginName:        "sqlite",
			DatabaseName:      "keelson",
			ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
		}
	}
	return &config.SQL{
		PluginName:   "sqlite",
		DatabaseName: file,
		ConnectAttributes: map[string]string{
			"mode":         "rwc",
			"journal_mode": "wal",
			// Every commit survives a killed process. Of a power cut the last moments may be missing: that costs a hundred
			// commits a second their wait for the disk, and no order, since the ledger in Postgres is the authority.
			"synchronous": "normal",
		},
	}
}

// prepareDatabase writes the schema into a new file (a memory database gets it by itself) and creates the namespaces.
func prepareDatabase(options *Options, database *config.SQL) error {
	if options.databaseFile != "" {
		if _, err := os.Stat(options.databaseFile); os.IsNotExist(err) {
			if err := createFile(options.databaseFile, database); err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
		// It only makes the server faster, and is tried again at the next start.
		if err := trimIndexes(database); err != nil {
			fmt.Fprintln(os.Stderr, "warning: the indexes of the list of runs could not be dropped:", err)
		}
	}
	var namespaces []*sqlite.NamespaceConfig
	for _, name := range append([]string{"default"}, options.namespaces...) {
		namespace, err := sqlite.NewNamespaceConfig(clusterName, name, false, nil)
		if err != nil {
			return err
		}
		namespaces = append(namespaces, namespace)
	}
	return sqlite.CreateNamespaces(database, namespaces...)
}

// createFile writes the schema beside the wanted name and renames it: a file of that name is always complete, even
// when the first start was cut off.
func createFile(file string, database *config.SQL) error {
	unfinished := file + ".new"
	if err := os.Remove(unfinished); err != nil && !os.IsNotExist(err) {
		return err
	}
	creation := *database
	creation.DatabaseName = unfinished
	// Without a write-ahead log everything is in the one file that is renamed.
	creation.ConnectAttributes = map[string]string{"mode": "rwc", "journal_mode": "delete"}
	if err := sqlite.SetupSchema(&creation); err != nil {
		return err
	}
	return os.Rename(unfinished, file)
}

func serverConfiguration(options *Options, database *config.SQL) (*config.Config, map[primitives.ServiceName]static.Hosts, error) {
	frontend := address(options.ip, options.port)
	hosts := map[primitives.ServiceName]static.Hosts{primitives.FrontendService: static.SingleLocalHost(frontend)}
	services := map[string]config.Service{
		string(primitives.FrontendService): {RPC: config.RPC{GRPCPort: options.port, BindOnIP: options.ip}},
	}
	for _, service := range []primitives.ServiceName{
		primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
	} {
		port, err := freePort()
		if err != nil {
			return nil, nil, err
		}
		hosts[service] = static.SingleLocalHost(address("127.0.0.1", port))
		services[string(service)] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: "127.0.0.1"}}
	}
	disabled := config.Archival{
		History:    config.HistoryArchival{State: "disabled"},
		Visibility: config.VisibilityArchival{State: "disabled"},
	}
	return &config.Config{
		Global: config.Global{Membership: config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: options.ip}},
		Persistence: config.Persistence{
			DefaultStore:     storeName,
			VisibilityStore:  storeName,
			NumHistoryShards: historyShards,
			DataStores:       map[string]config.DataStore{storeName: {SQL: database}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services:            services,
		Archival:            disabled,
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: "disabled"},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: "disabled"},
		}},
		PublicClient: config.PublicClient{HostPort: frontend},
	}, hosts, nil
}

func startUI(options *Options) *uiserver.Server {
	ui := uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		Host:                options.uiIP,
		Port:                options.uiPort,
		TemporalGRPCAddress: address(options.ip, options.port),
		EnableUI:            true,
		HideLogs:            true,
		DisableNewsFetch:    true,
		DefaultNamespace:    "default",
		// The page is served over plain HTTP on the loopback address.
		CORS: uiconfig.CORS{CookieInsecure: true},
	}))
	go func() {
		if err := ui.Start(); err != nil {
			fmt.Fprintln(os.Stderr, "error: the UI stopped:", err)
		}
	}()
	return ui
}

func logger(options *Options) log.Logger {
	if options.logLevel == "never" {
		return log.NewNoopLogger()
	}
	format := "console"
	if options.logFormat == "json" {
		format = "json"
	}
	return log.NewZapLogger(log.BuildZapLogger(log.Config{Stdout: true, Level: options.logLevel, Format: format}))
}

type listenedPort struct{ name, address string }

func listenedPorts(options *Options) []listenedPort {
	ports := []listenedPort{{"server", address(options.ip, options.port)}}
	if !options.headless {
		ports = append(ports, listenedPort{"UI", address(options.uiIP, options.uiPort)})
	}
	return ports
}

func ensureFree(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return listener.Close()
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func address(ip string, port int) string { return net.JoinHostPort(ip, strconv.Itoa(port)) }
