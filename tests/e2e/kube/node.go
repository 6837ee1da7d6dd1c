//go:build node

package main

import (
	"context"

	"github.com/spf13/cobra"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// What a node takes besides, of the version whose node is tested.
func init() {
	components["kubelet"] = func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }
	components["proxy"] = proxy.NewProxyCommand
	components["scheduler"] = func() *cobra.Command { return scheduler.NewSchedulerCommand() }
}
