package web

func (s *server) deliveryRoutes(r routes) {}
