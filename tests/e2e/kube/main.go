// The Kubernetes components that the end-to-end tests run, with etcd and kubectl, in one program:
//
//	kube COMPONENT ARGUMENT...
//
// Besides it writes the keys they need (kube pki), and lets etcd forget its history (kube compact).
package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	_ "time/tzdata"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

// Flags and metrics of the components are global to the process, so only the one that is asked for
// is made.
var components = map[string]func() *cobra.Command{
	"apiserver":          apiserver.NewAPIServerCommand,
	"controller-manager": controllermanager.NewControllerManagerCommand,
	"kubectl":            kubectl.NewDefaultKubectlCommand,
}

var helpers = map[string]func(args []string) error{
	"pki":     pki,
	"compact": compact,
}

func main() {
	if len(os.Args) < 2 {
		fail("kube: needs a component: etcd, pki, compact, " +
			strings.Join(slices.Sorted(maps.Keys(components)), ", "))
	}
	name := os.Args[1]
	os.Args = append([]string{name}, os.Args[2:]...)
	if name == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	if helper, ok := helpers[name]; ok {
		if err := helper(os.Args[1:]); err != nil {
			fail("kube " + name + ": " + err.Error())
		}
		return
	}
	component, ok := components[name]
	if !ok {
		fail("kube " + name + ": no such component")
	}
	os.Exit(cli.Run(component()))
}

func fail(text string) {
	fmt.Fprintln(os.Stderr, text)
	os.Exit(2)
}
