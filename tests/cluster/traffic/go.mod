module sealway/tests/cluster/traffic

go 1.19
