module sealway.io/bench/gopeer

go 1.19
