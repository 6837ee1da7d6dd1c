// discovery CONFIG FILE - what Prometheus' own discovery of Kubernetes finds by CONFIG, which is one
// of kubernetes_sd_configs, kept in FILE for file_sd_configs, with all labels that it gives.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/kubernetes"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"go.yaml.in/yaml/v2"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: discovery CONFIG FILE")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "discovery:", err)
		os.Exit(1)
	}
}

func run(config, file string) error {
	found, err := discovererOf(config)
	if err != nil {
		return err
	}
	changes := make(chan []*targetgroup.Group)
	go found.Run(context.Background(), changes)
	groups := map[string]*targetgroup.Group{}
	for {
		for _, group := range <-changes { // one without targets is of a pod that has gone
			groups[group.Source] = group
		}
		if err := write(file, groups); err != nil {
			return err
		}
	}
}

func discovererOf(file string) (discovery.Discoverer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	config := kubernetes.SDConfig{}
	if err := yaml.UnmarshalStrict(text, &config); err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	metrics := config.NewDiscovererMetrics(registry, discovery.NewRefreshMetrics(registry))
	return config.NewDiscoverer(discovery.DiscovererOptions{
		Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), Metrics: metrics})
}

// static is one entry of a file for file_sd_configs.
type static struct {
	Targets []string       `json:"targets"`
	Labels  model.LabelSet `json:"labels"`
}

// entries has one for each target, for each has labels of its own beside those of its group.
func entries(groups map[string]*targetgroup.Group) []static {
	all := []static{}
	for _, source := range slices.Sorted(maps.Keys(groups)) {
		for _, target := range groups[source].Targets {
			labels := groups[source].Labels.Merge(target)
			delete(labels, model.AddressLabel)
			all = append(all, static{[]string{string(target[model.AddressLabel])}, labels})
		}
	}
	return all
}

// write replaces the file as a whole: it is read at any time.
func write(file string, groups map[string]*targetgroup.Group) error {
	text, err := json.Marshal(entries(groups))
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
