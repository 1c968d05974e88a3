// Package controlplane names the store of the Kubernetes API server that the tests run,
// so that the go command keeps its module in go.mod.
package controlplane

import _ "go.etcd.io/etcd/server/v3"
