module agent

go 1.19

require spiked v0.0.0

require github.com/pebbe/zmq4 v1.4.0 // indirect

replace spiked => ../../../../clients/go
