package main

import (
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

// setting is one thing that serve can be told: by a flag, by an environment
// variable, by the configuration file, in that order of precedence.
type setting struct {
	flag    string // also the file's key, with _ for -
	value   string // the default
	explain string
}

func (s setting) key() string { return strings.ReplaceAll(s.flag, "-", "_") }

// The prefixes of the settings' variables. The demo has its own, so that it never
// takes a real server's folder for its own.
const (
	serveEnv = "USANCE_"
	demoEnv  = "USANCE_DEMO_"
)

func (s setting) env(prefix string) string { return prefix + strings.ToUpper(s.key()) }

// settings are the values in force.
type settings map[string]string

func addSettings(cmd *cobra.Command, prefix string, list []setting) {
	for _, s := range list {
		cmd.Flags().String(s.flag, s.value, s.explain+" ("+s.env(prefix)+")")
	}
}

// settle works out each setting's value. The setting "config" names the file.
func (a *app) settle(cmd *cobra.Command, prefix string, list []setting) (settings, error) {
	out := settings{}
	told := func(s setting) (string, bool) {
		if f := cmd.Flags().Lookup(s.flag); f.Changed {
			return f.Value.String(), true
		}
		v, ok := a.env[s.env(prefix)]
		return v, ok && v != ""
	}
	file := map[string]string{}
	if i := slices.IndexFunc(list, func(s setting) bool { return s.flag == "config" }); i >= 0 {
		if name, ok := told(list[i]); ok {
			var err error
			if file, err = readConfig(name, list); err != nil {
				return nil, err
			}
		}
	}
	for _, s := range list {
		v, ok := told(s)
		if !ok {
			v, ok = file[s.key()]
		}
		if !ok {
			v = s.value
		}
		out[s.flag] = v
	}
	return out, nil
}

// readConfig reads a YAML file of settings by key. Unknown keys are refused: a
// misspelt one would be a setting silently not in force.
func readConfig(name string, list []setting) (map[string]string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, usagef("the configuration file cannot be read: %w", err)
	}
	return parseConfig(name, data, list)
}

// parseConfig reads the text of a configuration file.
func parseConfig(name string, data []byte, list []setting) (map[string]string, error) {
	var values map[string]any
	if err := yaml.UnmarshalWithOptions(data, &values, yaml.Strict()); err != nil {
		return nil, usagef("the configuration file %s is not a YAML mapping: %w", name, err)
	}
	out := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		known := slices.ContainsFunc(list, func(s setting) bool { return s.key() == key && key != "config" })
		if !known {
			return nil, usagef("the configuration file %s has an unknown key %q", name, key)
		}
		text, ok := values[key].(string)
		if !ok {
			return nil, usagef("the configuration file %s: %s must be a text", name, key)
		}
		out[key] = text
	}
	return out, nil
}
