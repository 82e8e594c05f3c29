module modelmesh.io/lab/backend

go 1.24
